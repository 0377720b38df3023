import Bytes
import Policy
import Testing

private func facts(_ change: (inout Facts) -> Void = { _ in }) -> Facts {
    let endpoint = Endpoint(address: IPAddress(v4: 0xCB00_7107), port: 25)
    var facts = Facts(
        client: ClientFacts(endpoint: endpoint, local: endpoint), listener: ListenerFacts(name: "l", port: 25))
    change(&facts)
    return facts
}

private func policy(_ name: String, _ rules: Rule..., otherwise: PolicyDefinition.Default = .accept) -> PolicyDefinition
{
    PolicyDefinition(name: name, rules: rules, otherwise: otherwise)
}

private func reject(_ text: String) -> Action { .reject(ReplyTemplate(550, text)) }

private func recipient(_ local: String, _ domain: String, hasRouting: Bool = false) -> RecipientFacts {
    RecipientFacts(local: Array(local.utf8), domain: Array(domain.utf8), hasRouting: hasRouting)
}

private let tls = TLSFacts(version: .tls13, cipher: "x")

@Suite struct RuleBookTests {
    @Test func `policies are asked in order, and rules in order within each`() {
        let book = RuleBook([
            policy(
                "a", Rule("no", at: .mail, when: !.always, reject("a0")),
                Rule("one", at: .mail, when: .always, reject("a1"))),
            policy("b", Rule("two", at: .mail, when: .always, reject("b1"))),
        ])
        let decision = book.decide(.mail, facts())
        #expect(decision.verdict == .reject(ReplyText(550, "a1")))
        #expect(decision.rule.description == "a/one")
        #expect(decision.stage == .mail)
    }

    @Test func `accept ends the stage for all policies, but not a later stage`() {
        let book = RuleBook([
            policy("a", Rule("yes", at: .mail, when: .always, .accept)),
            policy(
                "b", Rule("no", at: .mail, when: .always, reject("b")),
                Rule("late", at: .rcpt, when: .always, reject("c"))),
        ])
        #expect(book.decide(.mail, facts()).verdict == .accept)
        #expect(book.decide(.mail, facts()).rule.description == "a/yes")
        #expect(book.decide(.rcpt, facts()).verdict == .reject(ReplyText(550, "c")))
    }

    @Test func `skip ends the stage for its policy only`() {
        let book = RuleBook([
            policy(
                "a", Rule("skip", at: .mail, when: .always, .skip), Rule("no", at: .mail, when: .always, reject("a"))),
            policy("b", Rule("no", at: .mail, when: .always, .defer(ReplyTemplate(450, "b")))),
        ])
        #expect(book.decide(.mail, facts()).verdict == .defer(ReplyText(450, "b")))
        #expect(book.decide(.mail, facts()).rule.description == "b/no")
    }

    @Test func `without a decisive rule the first default that rejects counts, else the command is accepted`() {
        let lenient = policy("a")
        let strict = policy("b", otherwise: .reject(ReplyTemplate(550, "no")))
        let stricter = policy("c", otherwise: .reject(ReplyTemplate(551, "never")))
        #expect(RuleBook([lenient]).decide(.mail, facts()).verdict == .accept)
        #expect(RuleBook([lenient]).decide(.mail, facts()).rule.description == "a/default")
        let decision = RuleBook([lenient, strict, stricter]).decide(.mail, facts())
        #expect(decision.verdict == .reject(ReplyText(550, "no")))
        #expect(decision.rule.description == "b/default")
        #expect(RuleBook([]).decide(.mail, facts()).verdict == .accept)
    }

    @Test func `a monitored rule decides nothing and says what it would have done`() {
        let book = RuleBook([
            policy(
                "a", Rule("maybe", at: .mail, mode: .monitor, when: .always, reject("x")),
                Rule("skip", at: .mail, mode: .monitor, when: .always, .skip),
                Rule("off", at: .mail, mode: .disabled, when: .always, reject("off")),
                Rule("drop", at: .mail, when: .always, .drop(ReplyTemplate(421, "y"))))
        ])
        let decision = book.decide(.mail, facts())
        #expect(decision.verdict == .drop(ReplyText(421, "y")))
        #expect(decision.monitored.map(\.rule.description) == ["a/maybe"])
        #expect(decision.monitored.map(\.verdict) == [.reject(ReplyText(550, "x"))])
    }

    @Test func `only an accepting decision gives a permit`() {
        let refused = RuleBook([policy("a", otherwise: .reject(ReplyTemplate(550, "no")))]).decide(.mail, facts())
        let hasNone = refused.permit() == nil
        #expect(hasNone)
        let accepted = RuleBook([policy("a")]).decide(.rcpt, facts())
        let stage = accepted.permit()?.stage
        #expect(stage == .rcpt)
    }

    @Test func `conditions combine as their operators say`() throws {
        let no: Expression = !.always
        for (condition, holds) in [
            (.always && .always, true), (.always && no, false), (no || .always, true), (no || no, false),
            (!(.always && no) && (.always || no), true), (!(no || no) && !(.always && .always), false),
        ] as [(Expression, Bool)] {
            let facts = facts()
            #expect(try Condition(condition).holds(for: facts) == holds)
        }
    }

    @Test func `a reply names the recipient wherever the template does`() {
        let template = ReplyTemplate(550, "5.7.1 {x} <{rcpt.address}>: no {rcpt.address}")
        let book = RuleBook([policy("a", Rule("r", at: .rcpt, when: .always, .reject(template)))])
        let decision = book.decide(.rcpt, facts { $0.recipient = recipient("bob", "example.org") })
        #expect(decision.verdict == .reject(ReplyText(550, "5.7.1 {x} <bob@example.org>: no bob@example.org")))
    }
}

@Suite struct BuiltInPolicyTests {
    private func decide(_ name: BuiltInPolicy, _ stage: Stage, _ change: (inout Facts) -> Void = { _ in }) -> Decision {
        RuleBook([name.policy(ourDomains: .domains(["example.org", ".example.net"]))]).decide(stage, facts(change))
    }

    @Test func `submission wants TLS before AUTH and MAIL, and a login before MAIL`() {
        let early = decide(.submission, .auth)
        #expect(
            early.verdict
                == .reject(ReplyText(538, "5.7.11 Encryption required for requested authentication mechanism")))
        #expect(early.rule.description == "submission/tls-before-login")
        #expect(decide(.submission, .auth) { $0.tls = tls }.verdict == .accept)
        let clear = decide(.submission, .mail) { $0.auth.user = [0x61] }
        #expect(clear.verdict == .reject(ReplyText(530, "5.7.0 Must issue a STARTTLS command first")))
        #expect(clear.rule.description == "submission/tls-required")
        let anonymous = decide(.submission, .mail) { $0.tls = tls }
        #expect(anonymous.verdict == .reject(ReplyText(530, "5.7.0 Authentication required")))
        #expect(anonymous.rule.description == "submission/auth-required")
        let good = decide(.submission, .mail) {
            $0.tls = tls
            $0.auth.user = [0x61]
        }
        #expect(good.verdict == .accept)
        #expect(decide(.submission, .rcpt) { $0.recipient = recipient("x", "foreign.test") }.verdict == .accept)
    }

    @Test func `inbound takes mail for its own domains and postmaster only`() {
        func verdict(_ local: String, _ domain: String, hasRouting: Bool = false) -> Decision {
            decide(.inbound, .rcpt) { $0.recipient = recipient(local, domain, hasRouting: hasRouting) }
        }
        #expect(verdict("bob", "example.org").verdict == .accept)
        #expect(verdict("bob", "a.example.net").verdict == .accept)
        #expect(verdict("postmaster", "").verdict == .accept)
        let foreign = verdict("bob", "foreign.test")
        #expect(foreign.verdict == .reject(ReplyText(554, "5.7.1 <bob@foreign.test>: Relay access denied")))
        #expect(foreign.rule.description == "inbound/no-relay")
        #expect(verdict("bob", "example.net").rule.description == "inbound/no-relay")
        let routed = verdict("bob%foreign.test", "example.org", hasRouting: true)
        #expect(routed.verdict == .reject(ReplyText(554, "5.7.1 <bob%foreign.test@example.org>: Relay access denied")))
        #expect(routed.rule.description == "inbound/no-routing")
    }

    @Test func `inbound drops early talkers and has no logins`() {
        let early = decide(.inbound, .connect) { $0.client.talkedEarly = true }
        #expect(early.verdict == .drop(ReplyText(554, "5.5.1 Error: data sent before the greeting")))
        #expect(decide(.inbound, .connect).verdict == .accept)
        #expect(decide(.inbound, .auth).verdict == .reject(ReplyText(503, "5.5.1 Error: authentication not enabled")))
        #expect(decide(.inbound, .mail).verdict == .accept)
    }
}

@Suite struct NameTests {
    private func canonical(_ local: String) -> String {
        String(decoding: CanonicalName.local(Array(local.utf8)), as: UTF8.self)
    }

    @Test func `local parts are compared in lower case and without needless quotes`() {
        for (written, name) in [
            ("Bob", "bob"), ("\"bob\"", "bob"), ("\"B\\ob\"", "bob"), ("\"a b\"", "\"a b\""), ("\"a..b\"", "\"a..b\""),
            ("\"\"", "\"\""), ("\"a@b\"", "\"a@b\""), ("\"a\\\"b\"", "\"a\\\"b\""), ("\"", "\""), ("a.b", "a.b"),
        ] {
            #expect(canonical(written) == name)
        }
    }

    @Test func `domains lose case and one final dot`() {
        #expect(CanonicalName.domain(Array("EXAMPLE.Org.".utf8)) == Array("example.org".utf8))
        #expect(CanonicalName.domain([]) == [])
    }

    @Test func `a login without a domain gets the realm`() {
        func login(_ name: String, _ realm: String?) -> String {
            String(decoding: CanonicalName.login(Array(name.utf8), realm: realm.map { Array($0.utf8) }), as: UTF8.self)
        }
        #expect(login("Carol", "example.org") == "carol@example.org")
        #expect(login("Carol@Other.test", "example.org") == "carol@other.test")
        #expect(login("carol", nil) == "carol")
        #expect(login("carol", "") == "carol")
    }

    @Test func `forms that some servers route onwards are known`() {
        for (local, isRouting) in [("u%f", true), ("f!u", true), ("\"u@f\"", true), ("u", false), ("u+f", false)] {
            #expect(CanonicalName.isRouting(local: ArraySlice(local.utf8)) == isRouting)
        }
    }

    @Test func `a domain set holds names exactly and suffixes strictly below`() {
        let set = List.domains(["Example.ORG", ".example.net"])
        for (domain, isInside) in [
            ("example.org", true), ("a.example.org", false), ("a.example.net", true), ("a.b.example.net", true),
            ("example.net", false), ("badexample.net", false), ("", false), ("net", false),
        ] {
            let octets = Array(domain.utf8)
            let found = set.contains(octets.span, on: 0)
            #expect(found == isInside, "\(domain)")
        }
        #expect(List.domains([]).isEmpty)
    }
}
