// The parts of docs/POLICY.md that no table holds.

extension PolicyDocument {
    static let introduction = """
        # Policies

        This file is written from the program's own tables (`PolicyDocument`); a test keeps the two equal.

        A policy is a folder: `policy.yaml`, `tests.yaml`, `README.md`, and lists as text files. portreeve.yaml names the
        folders in `policies:`, and each listener names its policies in the order in which they are asked:

        ```yaml
        policies: [policies/submission, policies/inbound]
        listeners:
          submission: { port: 587, backend: submit, policies: [submission] }
        ```

        A listener on port 587, 465 or 2525 that names no policy has `submission`, one on 25 `inbound`: the folder of that
        name if there is one, else the built-in (`portreeve policy show NAME`).
        Files are read again on SIGHUP and when one of them changes; if any has an error, the old policies stay and
        `portreeve status` says so. A session that runs takes the new policy at its next MAIL.


        """

    static let rules = """
        ## Rules

        Within a stage the listener's policies are asked in order, and in each the rules in order. A rule holds when `when`
        holds, `unless` does not, and, with `over`, one of its limits is exceeded.

        | action | does | reply |
        |---|---|---|
        | `accept` | ends the stage for all policies of the listener (never a later stage) | none |
        | `reject` | refuses for good | 5xx but not 521; 554 at `connect` |
        | `defer` | refuses for now; not at `connect` | 4xx but not 421; 454 at `auth` and `login` |
        | `drop` | replies, then closes | 421 or 5xx |
        | `skip` | ends the stage for this policy only | none |
        | `tag: NAME` | puts NAME into `session.tags` and the log; goes on | none |
        | `delay: 5s` | waits once; goes on | none |
        | `tarpit: 2s` | waits before every later reply; goes on | none |
        | `ban: { for: 30min }` | keeps the client's net away from every listener (below); goes on unless the action ends the stage | none |
        | `ban: { for: 6h, what: user }` | holds the account that is logged in: 454 to AUTH, 450 to mail, in every session; from stage `mail` on | none |
        | `notify: true` | tells the operator, as `notify:` of portreeve.yaml says; beside any of the others | none |

        `tag`, `delay`, `tarpit` and `ban` may stand alone, without `action`, or beside an action. When no rule was decisive,
        `default` counts after the last policy: reject if any of them says so, else accept.

        A reply is a code, an enhanced code that fits it (RFC 3463), and a text: at most 480 octets behind the code, ASCII,
        without CR and LF. `{field}` is replaced by the field's value, escaped; `{limit.retry_after}` exists in rules with
        `over`, and `{limits.NAME.remaining}` says how many events a limit would still pass. What may be absent needs its
        guard in `when`.

        **Bans.** `ban:` keeps the client's net (one IPv4 address, one IPv6 /64) away from all listeners of this process: 421 at
        connect, and at the next MAIL or AUTH of its open sessions. Never banned are `bans.never`, `proxy_from`, the backends and
        this machine's own addresses. A net from which somebody has logged in within 7 days is refused new logins only.
        `what: user` holds the account that is logged in, whoever uses it and from wherever: a login gets 454, right or wrong,
        MAIL and RCPT get 450. It needs `auth.ok` in `when`, so that nobody who merely tries a name can shut out its owner. Both
        end by themselves, or by `portreeve bans remove`; a longer ban replaces a shorter one.

        **Notices.** `notify: true` sends a webhook or a mail (CONFIGURATION.md, `notify`). A rule with `ban:` tells when the ban
        begins; any other once an hour for the same account, or for the same net where nobody is logged in.

        A rule in `mode: monitor` decides nothing: it logs `reject_warning` with the reply that it would have given, and counts
        in buckets of its own; it never bans or delays. `mode:` of the file caps that of its rules, `portreeve run --monitor`
        that of all. A listener with a file in monitor mode serves only backends that the self-test has seen refuse to relay
        (`--no-selftest` is refused), and AUTH without TLS stays refused: a rule `at: auth`, `when: not tls.active` stays
        enforced, with its `unless`; where there is none, `protocol/auth-without-tls` refuses. So do the checks of the protocol.


        """

    static let expressions = """
        ## Expressions

        Typed, without side effects, always with an answer. From loose to tight: `or`, `and`, `not`, comparisons.
        `&&`, `||` and `!` are understood, and rewritten by `portreeve fmt`.

        | operator | between |
        |---|---|
        | `==` `!=` | values of one type; names in their one form |
        | `<` `<=` `>` `>=` | int, duration, size, tls version |
        | `in` `not in` | a value and `lists.NAME`, `lists.MAP[field]`, `[a, b]`, a block (`10.0.0.0/8`) or `session.tags` |
        | `startsWith` `endsWith` `contains` | strings, without regard to case in names |
        | `matches` | a string and a pattern (PCRE2, anywhere, with step limits; a match that takes too long refuses) |
        | `has(field)` | whether it has a value |

        Constants: `"text"`, `42`, `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`, `30min` (ms s min h d), `25MB` (B KB MB GB TB;
        1 KB is 1024 octets), `TLS1.2`, `true`, `false`. In a text only the quote and the backslash before it are escaped, so
        `"\\.exe$"` needs no more backslashes; mind YAML's own quotes around it.

        Names are compared in one form: logins and local parts in lower case, a login without `@` completed with the backend's
        `realm:`, domains in lower case as A-labels (`bücher.example` is `xn--bcher-kva.example`) without the final dot, needless
        quotes removed. `matches` sees that form.

        A guard to the left makes a value usable: `tls.active and tls.version < TLS1.2`, `not auth.ok or auth.user == "x"`. A
        guard in `when` holds for `unless`, the limits' keys and the reply too.


        """

    static let files = """
        ## Lists and limits

        List types: `cidr`, `address` (mailboxes or logins), `domain` (`example.org`, and `.example.org` for those below),
        `string`, and `map` (a key and its strings: `auth.user in lists.owners[sender.address]`). Entries stand in `items:` or in
        a text file, one a line, with `#` comments; `ENTRY until 2027-01-31` counts up to that day. A line of a map is
        `KEY VALUE VALUE …`. `lists.our_domains` is `domains:` of portreeve.yaml; `<postmaster>` counts as ours.

        A limit passes at most burst + rate × t in any time t; `portreeve check` says it in words. `over: [a, b]` holds when one of
        them is exceeded: then none is charged, and the rule's action happens. Otherwise all are charged and the next rule is
        asked. `count: attempted` charges at once; `accepted` gives back what a later rule or the backend refuses.

        A limit can be read without being charged: `limits.NAME.remaining` says how many events it would still pass. So failures
        are counted at `auth_reply`, when the backend has judged the password, and asked about at `login`, before it hears of the
        next one; `submission` protects logins that way. `auth.known_net` spares the nets of an account's owner,
        `auth.repeated` the device that keeps trying an old password. Temporary failures of the backend are no
        `bad_credentials`; and while most nets with good logins fail (five at least, within five minutes), as they do when the
        backend's passwords are out of reach, limits at `login` and `auth_reply` count nothing and nobody is banned.

        What limits have counted, bans and good logins outlive a restart (`state.path`); a crash forgets the last ten seconds.

        `scope: cluster` counts on all machines together that share a store (`state.store` of portreeve.yaml); without one it counts
        on this machine alone. A command waits for the store's answer, at most 20 ms, and nothing of its session goes on before:
        a recipient or the end of a message reaches the backend only when it has been counted. Without an answer the limit's
        `on_store_loss` decides:

        | value | while the store is lost |
        |---|---|
        | `local` (default) | this machine's own count, which knows what passed here and what the store said last |
        | `open` | the event passes and is not counted |
        | `closed` | the rule refuses, whatever its action: `451 4.3.2` (454 to AUTH, at `connect` and `rcpt_reply` 421) |

        Limits of both scopes in one `over:` are charged all or none. Each machine refuses by itself, without asking, what exceeds
        the limit already by what it has passed alone, or by the store's last word; `limit.retry_after` is then the longest wait
        that it knows of. What no longer counts is given back to the store. The reply to EHLO does not wait: whether it offers
        AUTH goes by what this machine knows.


        """

    static let guards = """
        ## Guards at load

        No file can forget these. An outsider has no login and no verified certificate, and his address lies outside every net
        that the rules name; nets wider than /16 (IPv6: /32) make nobody an insider. What he can choose (HELO, sender, TLS, time)
        he chooses as it suits him. Rules in monitor mode and rules that act only over a limit keep nobody out. A whole
        file in monitor mode is judged as it will be once it is enforced.

        | code | refused is a listener | unless one of its policies says |
        |---|---|---|
        | `E401` | that lets him reach a foreign recipient, or ours in a routing form (`u%f@ours`, `f!u@ours`, `"u@f"@ours`, `@ours:u@f`) | `allow_open_relay: "I understand"` |
        | `E402` | on 465, 587 or 2525 that passes his MAIL | `allow_unauthenticated: "I understand"` |
        | `E403` | that offers him AUTH without TLS | `allow_cleartext_auth: "I understand"` |


        """

    static let tests = """
        ## tests.yaml

        ```yaml
        version: 1
        policy: submission
        domains: [example.org]            # lists.our_domains; this is the default
        realm: example.org                # of the backend; default none
        tests:
          - name: MAIL without TLS is refused
            at: mail
            facts: { client.ip: 203.0.113.7, sender.address: alice@example.org }
            expect: { action: reject, code: 530, rule: tls-required }
          - name: the second is deferred, a minute later it passes
            at: rcpt
            facts: { auth.ok: true, auth.user: bob }
            steps:
              - { repeat: 100, expect: { action: accept } }
              - { expect: { action: defer } }
              - { advance: 18s, facts: { rcpt.count: 2 }, expect: { action: accept } }
          - name: a whole conversation
            listener: { port: 587 }       # also name:, tls: none | starttls | implicit
            client: 203.0.113.7
            script: |
              S: 220
              C: EHLO laptop
              S: 250 *STARTTLS* !AUTH
        ```

        `expect` takes `action`, `code`, `rule`, `reply` (a part of it), `tags`, `monitored` (a rule in monitor mode that would have
        decided), `ban`, `delay` and `tarpit`. `rcpt.address` and `sender.address` imply their parts, `client.ip` implies
        `client.net`; a fact that is not given is absent, a boolean is false; `tls.version` is TLS1.3 if only `tls.active` is given.

        Script lines: `S: 250 *X* !Y` (the whole reply has code 250, some line contains X, none contains Y; `S:` accepts any),
        `C: text`, `C: TLS` (STARTTLS unless it was said, and the handshake), `C: AUTH user` (a good login; `C: AUTH user wrong` a
        bad one), `C: DATA <<` up to a line `.`, `advance 30s`. The backend takes everything but recipients that begin with
        `unknown`.


        """

    static let commands = """
        ## Commands

        | command | does |
        |---|---|
        | `portreeve check [-c FILE] [PATH…]` | every error of configurations and policies; limits in words |
        | `portreeve test [PATH…] [--run REGEX] [--coverage [--threshold N]] [--format text\\|json\\|junit]` | runs tests.yaml |
        | `portreeve explain --listener NAME\\|--policy PATH --client IP --tls V --mail-from A --rcpt-to A …` | each rule and the value of each part |
        | `portreeve session --listener NAME\\|--policy PATH` | a simulated session, typed by hand |
        | `portreeve fmt [--check] PATH…` | word operators, quoted replies, no blanks at line ends |
        | `portreeve schema` | the JSON Schema of policy files |
        | `portreeve policy show NAME` | a built-in policy |


        """
}
