// swift-format-ignore-file
// Written by scripts/embed-policies from policies/*/policy.yaml; a test keeps them equal.

extension BuiltInPolicies {
    /// The files as they stand in the repository.
    static let texts: [String: String] = [
        "submission": #"""
            # yaml-language-server: $schema=../policy.v1.json
            version: 1
            policy: submission
            description: TLS first, login always, no bursts from a stolen account
            mode: enforce

            limits:
              login_failures: { key: client.net, rate: 10/h, burst: 20 }
              pair_failures:  { key: [auth.login, client.net], rate: 5/h, burst: 10 }
              user_failures:  { key: auth.login, rate: 30/h, burst: 60 }     # of nets from which the user has not logged in lately
              user_rcpts:     { key: auth.user, rate: 200/h, burst: 100, scope: cluster, on_store_loss: local }
              user_rcpts_day: { key: auth.user, rate: 500/d, burst: 500, scope: cluster }    # at most 1000 in any 24 h

            rules:
              # No password over an open line; EHLO offers AUTH only inside TLS because of this rule.
              - id: tls-before-login
                at: auth
                when: not tls.active
                action: reject
                reply: "538 5.7.11 Encryption required for requested authentication mechanism"

              - id: tls-required
                at: mail
                when: not tls.active
                action: reject
                reply: "530 5.7.0 Must issue a STARTTLS command first"

              - id: auth-required
                at: mail
                when: not auth.ok
                action: reject
                reply: "530 5.7.0 Authentication required"

              # Asked before the mail server hears of the attempt, so right and wrong passwords get the same answer.
              - id: login-guessed-here
                at: login
                when: limits.pair_failures.remaining == 0
                action: defer
                reply: "454 4.7.0 Too many failed logins, try again later"

              # Many nets guess one account: they share a budget, and its owner's own nets are not held to it.
              - id: login-under-attack
                at: login
                when: limits.user_failures.remaining == 0
                unless: auth.known_net
                action: defer
                reply: "454 4.7.0 Too many failed logins, try again later"

              # The same wrong password again is a device with an old one, not a guess. These two rules only count.
              - id: count-for-pair
                at: auth_reply
                when: auth.result == "bad_credentials" and not auth.repeated
                over: pair_failures
                tag: guessed-here

              - id: count-for-user
                at: auth_reply
                when: auth.result == "bad_credentials" and not auth.repeated and not auth.known_net
                over: user_failures
                tag: under-attack

              # 20 wrong passwords at once, then 10 an hour, from one address (or one IPv6 /64).
              - id: login-bruteforce
                at: auth_reply
                when: auth.result == "bad_credentials" and not auth.repeated
                over: login_failures
                action: drop
                reply: "421 4.7.0 Too many failed logins from {client.net}"
                ban: { for: 30min }

              - id: weak-tls
                at: mail
                when: tls.active and tls.version < TLS1.2
                action: reject
                reply: "530 5.7.10 TLS 1.2 or newer required"

              # What a stolen account is used for: many recipients in a short time.
              - id: user-burst
                at: rcpt
                when: auth.ok
                over: [user_rcpts, user_rcpts_day]
                action: defer
                reply: "450 4.7.1 Sending limit reached, retry in {limit.retry_after}"

            default: accept

            """#,
        "inbound": #"""
            # yaml-language-server: $schema=../policy.v1.json
            version: 1
            policy: inbound
            description: Mail from the world for our own domains, and for nobody else
            mode: enforce

            limits:
              unknown_rcpts: { key: client.net, rate: 20/h, burst: 20 }

            lists:
              # Sender domains whose servers must speak TLS to us: put the partners here that promised it.
              tls_partners: { type: domain, items: [partner.invalid] }

            rules:
              # A client that talks before the greeting is a robot (RFC 5321 3.1 makes it wait).
              - id: early-talker
                at: connect
                when: client.talked_early
                action: drop
                reply: "554 5.5.1 Error: data sent before the greeting"

              - id: no-login
                at: auth
                action: reject
                reply: "503 5.5.1 Error: authentication not enabled"

              - id: partner-must-use-tls
                at: mail
                when: not tls.active and sender.domain in lists.tls_partners
                action: reject
                reply: "530 5.7.0 Mail from {sender.domain} must come over TLS"

              # u%other@ours, other!u@ours, "u@other"@ours, @ours:u@other: forms that a backend might route onwards.
              - id: no-routing
                at: rcpt
                when: rcpt.has_routing
                action: reject
                reply: "554 5.7.1 <{rcpt.address}>: Relay access denied"

              - id: no-relay
                at: rcpt
                when: rcpt.domain not in lists.our_domains
                action: reject
                reply: "554 5.7.1 <{rcpt.address}>: Relay access denied"

              # Somebody reads names from a list: most of them do not exist here.
              - id: too-many-unknown
                at: rcpt_reply
                when: backend.code == 550
                over: unknown_rcpts
                action: drop
                reply: "421 4.7.1 Too many unknown recipients from {client.net}"

            default: accept

            """#,
    ]
}
