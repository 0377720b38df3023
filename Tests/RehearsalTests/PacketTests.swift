import Diagnostics
import PolicyLanguage
import Rehearsal
import Testing

@Suite("Tests of egress policies")
struct PacketTests {
    private static let policy = """
        version: 1
        policy: home
        kind: egress
        mode: monitor
        zones: { lan: { interfaces: [lan0], mode: block } }
        lists: { mail_hosts: { type: cidr, items: [192.0.2.10] } }

        """

    private static func suite(_ tests: String) -> PolicySuite {
        let files = PolicyFiles(read: { path, _ in
            path.hasSuffix("tests.yaml") ? .bytes(Array(tests.utf8)) : .bytes(Array(policy.utf8))
        })
        return PolicySuite.load("/home", PolicyLoader(files: files, today: Day(number: 20_700)))
    }

    private static func tests(_ body: String, mode: String = "") -> String {
        "version: 1\npolicy: home\n\(mode)tests:\n\(body)"
    }

    @Test("a packet that goes another way fails with what decided it")
    func failure() throws {
        let suite = Self.suite(
            Self.tests(
                "  - { name: a, packet: { interface: lan0, from: 192.0.2.7, to: 203.0.113.9 }, "
                    + "expect: { fate: passes } }\n", mode: "mode: enforce\n"))
        let report = EgressRunner(try #require(suite.egress), try #require(suite.tests)).run()
        let failure = try #require(report.failures.first?.failure)
        #expect(failure.expected == ["fate: passes"] && failure.got == ["fate: refused"])
        #expect(failure.note?.hasPrefix("decided in refuse_lan:") == true)
    }

    @Test("without 'mode: enforce' a monitored policy lets pass and counts")
    func monitored() throws {
        let suite = Self.suite(
            Self.tests(
                "  - { name: a, packet: { interface: lan0, from: 192.0.2.7, to: 203.0.113.9 }, "
                    + "expect: { fate: passes, counter: would_refuse_lan } }\n"))
        let report = EgressRunner(try #require(suite.egress), try #require(suite.tests)).run()
        #expect(report.failures.isEmpty && report.results.count == 1)
    }

    @Test(
        "what cannot be a test is said",
        arguments: [
            ("  - { name: a, at: mail, expect: { action: accept } }\n", "E317"),
            ("  - { name: a, packet: { from: here }, expect: { fate: passes } }\n", "E304"),
            ("  - { name: a, packet: { from: 192.0.2.1, to: '::1' }, expect: { fate: passes } }\n", "E317"),
            ("  - { name: a, packet: { from: 192.0.2.1 }, expect: { fate: lost } }\n", "E304"),
            ("  - { name: a, packet: { from: 192.0.2.1 } }\n", "E302"),
            ("  - { name: a, packet: { form: 192.0.2.1 }, expect: { fate: passes } }\n", "E301"),
        ])
    func mistakes(body: String, code: String) {
        #expect(Self.suite(Self.tests(body)).findings.map(\.code) == [code])
    }
}
