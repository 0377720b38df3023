import Diagnostics
import PolicyLanguage
import Testing

@Suite("Guards at load")
struct GuardTests {
    private static func policy(_ text: String) throws -> LoadedPolicy {
        let outcome = Sample.load(text)
        return try #require(outcome.policy, "\(outcome.rendered())")
    }

    private static func codes(
        port: UInt16 = 25, tls: GuardedListener.TLS = .starttls, auth: Bool = false,
        domains: [String] = ["example.org"], _ texts: String...
    ) throws -> [String] {
        let listener = GuardedListener(
            name: "l", port: port, tls: tls, offersAuth: auth, range: .file("portreeve.yaml"))
        return LoadGuard.findings(listener, policies: try texts.map(policy), ourDomains: domains).map(\.code)
    }

    /// A policy with these rules at stage rcpt, most of them in one line.
    private static func relay(_ rules: String, head: String = "", ending: String = "accept") -> String {
        "version: 1\npolicy: p\n\(head)rules:\n\(rules)\ndefault: \(ending)\n"
    }

    private static let noRouting =
        "  - { id: a, at: rcpt, when: rcpt.has_routing, action: reject, reply: \"554 5.7.1 No\" }\n"
    private static let ours =
        "  - { id: b, at: rcpt, when: rcpt.domain not in lists.our_domains, action: reject, reply: \"554 5.7.1 No\" }\n"
    private static let nets = "lists:\n  nets: { type: cidr, items: [198.51.100.0/24] }\n"

    @Test("the built-in policies pass")
    func builtIn() throws {
        let submission = try #require(BuiltInPolicies.policy(named: "submission"))
        let inbound = try #require(BuiltInPolicies.policy(named: "inbound"))
        for (port, policy) in [(587 as UInt16, submission), (25, inbound)] {
            let listener = GuardedListener(
                name: "l", port: port, tls: .starttls, offersAuth: true, range: .file("portreeve.yaml"))
            #expect(LoadGuard.findings(listener, policies: [policy], ourDomains: ["example.org"]) == [])
        }
    }

    @Test("recipients elsewhere and routing forms are both asked about")
    func relays() throws {
        #expect(try Self.codes(Self.relay(Self.noRouting + Self.ours)) == [])
        #expect(try Self.codes(Self.relay(Self.noRouting)) == ["E401"])
        #expect(try Self.codes(Self.relay(Self.ours)) == ["E401"])
        #expect(try Self.codes(Self.relay(Self.noRouting + Self.ours, ending: "reject")) == [])
    }

    @Test("somebody in a net that the rules name is no outsider, unless the net is everybody's")
    func insiders() throws {
        let office = "  - { id: o, at: rcpt, when: client.ip in lists.nets, action: accept }\n"
        #expect(try Self.codes(Self.relay(office + Self.noRouting + Self.ours, head: Self.nets)) == [])
        let wide = "lists:\n  nets: { type: cidr, items: [0.0.0.0/0] }\n"
        #expect(try Self.codes(Self.relay(office + Self.noRouting + Self.ours, head: wide)) == ["E401"])
        let ten = "  - { id: o, at: rcpt, when: \"client.ip in [10.0.0.0/8]\", action: accept }\n"
        #expect(try Self.codes(Self.relay(ten + Self.noRouting + Self.ours)) == ["E401"])
    }

    @Test("what an outsider chooses makes nobody an insider")
    func choices() throws {
        for condition in [
            "helo.name == 'friend'", "sender.domain == 'example.org'", "not tls.active", "rcpt.count > 1",
        ] {
            let rule = "  - { id: o, at: rcpt, when: \"\(condition)\", action: accept }\n"
            #expect(try Self.codes(Self.relay(rule + Self.noRouting + Self.ours)) == ["E401"], "\(condition)")
        }
        for condition in ["auth.ok", "tls.client_cert.verified", "rcpt.domain == 'example.com'"] {
            let rule = "  - { id: o, at: rcpt, when: \"\(condition)\", action: accept }\n"
            #expect(try Self.codes(Self.relay(rule + Self.noRouting + Self.ours)) == [], "\(condition)")
        }
    }

    @Test("refusals that together leave no way out are no relay")
    func exhaustive() throws {
        let rules = """
              - { id: a, at: mail, when: tls.active, action: reject, reply: "554 5.7.1 No" }
              - { id: b, at: mail, when: not tls.active, action: reject, reply: "554 5.7.1 No" }
            """
        #expect(try Self.codes(Self.relay(rules)) == [])
    }

    @Test("a refusal that comes only over a limit keeps nobody out")
    func limits() throws {
        let head = "limits:\n  l: { key: client.net, rate: 1/h }\n"
        let rule = "  - { id: a, at: rcpt, over: l, action: reject, reply: \"554 5.7.1 No\" }\n"
        #expect(try Self.codes(Self.relay(rule, head: head)) == ["E401"])
    }

    @Test("a monitored rule counts as absent")
    func monitored() throws {
        let monitored = Self.ours.replacing("id: b", with: "id: b, mode: monitor")
        #expect(try Self.codes(Self.relay(Self.noRouting + monitored)) == ["E401"])
    }

    @Test("a skip passes over this policy's refusals, not over another's")
    func skips() throws {
        let skip = "  - { id: s, at: rcpt, action: skip }\n"
        let first = Self.relay(skip)
        let second = Self.relay(Self.noRouting + Self.ours).replacing("policy: p", with: "policy: q")
        #expect(try Self.codes(first) == ["E401"])
        #expect(try Self.codes(first, second) == [])
    }

    @Test("a tag that only insiders get makes nobody else one")
    func tags() throws {
        let rules = """
              - { id: t, at: connect, when: client.ip in lists.nets, tag: office }
              - { id: o, at: rcpt, when: '"office" in session.tags', action: accept }

            """
        #expect(try Self.codes(Self.relay(rules + Self.noRouting + Self.ours, head: Self.nets)) == [])
        let open = rules.replacing("client.ip in lists.nets", with: "helo.name == 'x'").replacing(
            "at: connect", with: "at: helo")
        #expect(try Self.codes(Self.relay(open + Self.noRouting + Self.ours)) == ["E401"])
    }

    // MARK: Files that only monitor

    private static let monitored = "mode: monitor\n"

    @Test("a file in monitor mode is judged as it will be enforced, and its reader is warned")
    func monitoredFiles() throws {
        #expect(try Self.codes(Self.relay(Self.noRouting + Self.ours, head: Self.monitored)) == ["W305"])
        #expect(try Self.codes(Self.relay(Self.noRouting, head: Self.monitored)) == ["E401"])
        // One rule in monitor mode keeps nobody out, whatever its file's mode.
        let one = Self.ours.replacing("{ id: b,", with: "{ id: b, mode: monitor,")
        #expect(try Self.codes(Self.relay(Self.noRouting + one)) == ["E401"])
        #expect(try Self.codes(Self.relay(Self.noRouting + one, head: Self.monitored)) == ["E401"])
    }

    @Test("a policy that only monitors beside one that refuses needs no warning")
    func monitoredBesideEnforced() throws {
        let enforced = Self.relay(Self.noRouting + Self.ours)
        let trial = Self.relay(Self.noRouting, head: Self.monitored).replacing("policy: p", with: "policy: q")
        #expect(try Self.codes(enforced, trial) == [])
    }

    @Test("passwords stay out of clear text in a file that monitors, whatever its rules are")
    func monitoredPasswords() throws {
        let guarded = "  - { id: c, at: auth, when: not tls.active, action: reject, reply: \"538 5.7.11 TLS\" }\n"
        for rules in [guarded, ""] {
            let text = Self.relay(Self.noRouting + Self.ours + rules, head: Self.monitored)
            #expect(try Self.codes(auth: true, text) == ["W305"])
        }
        let wide = guarded.replacing("action", with: "unless: helo.name == 'me', action")
        #expect(
            try Self.codes(auth: true, Self.relay(Self.noRouting + Self.ours + wide, head: Self.monitored)) == [
                "E403", "W305",
            ])
    }
}
