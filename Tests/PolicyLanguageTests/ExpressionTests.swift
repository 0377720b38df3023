import Bytes
import Diagnostics
import Policy
import PolicyLanguage
import Testing

@Suite("Expressions")
struct ExpressionTests {
    @Test(
        "a condition means what CEL says",
        arguments: [
            ("sender.domain == \"example.org\"", true), ("sender.domain == 'EXAMPLE.org.'", true),
            ("sender.domain != \"example.org\"", false), ("not sender.is_null", true), ("!sender.is_null", true),
            ("sender.is_null or sender.local == \"alice\" and true", true),
            ("(sender.is_null or sender.local == \"alice\") and false", false),
            ("sender.is_null || sender.local == \"bob\" && true", false),
            ("not sender.is_null and not tls.active", true), ("not (sender.is_null or tls.active)", true),
            ("not tls.active == true", true), ("client.ip in [203.0.113.0/24]", true),
            ("client.ip not in [203.0.113.0/24]", false), ("client.ip == 203.0.113.7", true),
            ("client.ip in [192.0.2.1, 2001:db8::/32]", false), ("client.net in [203.0.113.7]", true),
            ("listener.port in [25, 587]", true), ("listener.port < 26 and 24 < listener.port", true),
            ("session.age >= 0s", true), ("sender.address startsWith \"ALICE@\"", true),
            ("sender.address endsWith \".org\"", true), ("sender.address contains \"@exam\"", true),
            ("sender.address matches \"^[a-z]+@\"", true), ("sender.address matches '^\\d'", false),
            ("sender.domain in [\"a.example\", \"Example.ORG\"]", true), ("\"vip\" in session.tags", false),
            ("has(sender.size) and sender.size > 1MB", false), ("tls.active and tls.version < TLS1.3", false),
            ("true", true), ("false or true", true), ("sender.domain contains \".\"", true),
            ("sender.local contains \".\"", false),
        ])
    func meaning(condition: String, expected: Bool) {
        #expect(Sample.holds(condition) == expected)
    }

    @Test("a guard to the left makes a value usable, wherever its truth follows")
    func narrowing() {
        let good = [
            "tls.active and tls.version < TLS1.2", "not tls.active or tls.version < TLS1.2",
            "not (not tls.active or auth.ok) and tls.resumed", "auth.ok and auth.user == \"bob\"",
            "has(client.name) and client.name endsWith \".test\"", "tls.active == true and tls.resumed",
            "tls.active != false and tls.resumed", "(tls.active and auth.ok) and (tls.resumed and auth.user != \"x\")",
            "tls.client_cert.verified and tls.version == TLS1.3",
        ]
        for condition in good { #expect(Sample.rule(condition).findings.map(\.code) == [], "\(condition)") }
        let bad = [
            "tls.version < TLS1.2", "tls.active or tls.resumed", "tls.resumed and tls.active",
            "(tls.active or auth.ok) and tls.resumed", "not tls.active and tls.resumed",
            "tls.active == false and tls.resumed", "has(tls.sni) and client.name == \"x\"",
            "(tls.active and auth.ok) or auth.user == \"x\"",
        ]
        for condition in bad { #expect(Sample.rule(condition).findings.map(\.code).contains("E203"), "\(condition)") }
    }

    @Test("A block stands behind 'in' without brackets")
    func blockWithoutBrackets() {
        #expect(Sample.holds("client.ip in 203.0.113.0/24") == true)
        #expect(Sample.holds("client.ip not in 203.0.113.0/24") == false)
        #expect(Sample.holds("client.ip in 2001:db8::/32") == false)
        #expect(Sample.rule("sender.address in 203.0.113.0/24").findings.map(\.code) == ["E204"])
        #expect(Sample.rule("client.ip in 203.0.113.7").findings.map(\.code) == ["E204"])
    }

    @Test("What remains of a limit can be read where its key has a value")
    func remainder() {
        let head = "limits: { mine: { key: auth.user, rate: 10/h }, theirs: { key: rcpt.domain, rate: 10/h } }"
        let codes = { (condition: String, stage: String) in
            Sample.rule(condition, at: stage, head: head).findings.filter { $0.severity == .error }.map(\.code)
        }
        #expect(codes("auth.ok and limits.mine.remaining < 2", "mail") == [])
        #expect(codes("limits.mine.remaining < 2", "mail") == ["E203"])
        #expect(codes("limits.theirs.remaining < 2", "mail") == ["E202"])
        #expect(codes("limits.theirs.remaining < 2", "rcpt") == [])
    }

    @Test("<postmaster> without a domain counts as ours")
    func postmaster() {
        let condition = "rcpt.domain in lists.our_domains"
        #expect(Sample.holds(condition, at: .rcpt, domains: ["example.net"]) == false)
        #expect(Sample.holds(condition, at: .rcpt, domains: ["example.com"]) == true)
        #expect(Sample.holds(condition, at: .rcpt) { $0.recipient = Sample.recipient("postmaster", "") } == true)
        #expect(
            Sample.holds("rcpt.domain not in lists.our_domains", at: .rcpt) {
                $0.recipient = Sample.recipient("postmaster", "")
            } == false)
    }

    @Test("a login is compared in lower case, completed with the realm")
    func logins() {
        let head = "lists:\n  users: { type: address, items: [Bob, carol@example.net] }"
        #expect(
            Sample.holds("auth.ok and auth.user in lists.users", head: head, realm: "example.org") {
                $0.auth.user = Array("bob@example.org".utf8)
            } == true)
        #expect(
            Sample.holds("auth.ok and auth.user == \"BOB\"", realm: "example.org") {
                $0.auth.user = Array("bob@example.org".utf8)
            } == true)
    }

    @Test("a map holds the strings of its key, and nothing for a key that it does not have")
    func maps() {
        let head = "lists:\n  owners: { type: map, items: { Info@example.org: [bob, carol] } }"
        let condition = "auth.ok and auth.user in lists.owners[sender.address]"
        for (sender, user, expected) in [("info", "bob", true), ("info", "dave", false), ("alice", "bob", false)] {
            let held = Sample.holds(condition, head: head) {
                $0.sender = Sample.sender(sender, "example.org")
                $0.auth.user = Array(user.utf8)
            }
            #expect(held == expected, "\(sender) \(user)")
        }
    }

    @Test("an entry counts until its last day")
    func expiry() {
        let head = "lists:\n  nets: { type: cidr, items: [203.0.113.7 until 2027-01-31] }"
        for (day, expected) in [(Day("2027-01-31"), true), (Day("2027-02-01"), false)] {
            let held = Sample.holds("client.ip in lists.nets", head: head) {
                $0.now = CalendarFacts(day: Int32(day?.number ?? 0))
            }
            #expect(held == expected)
        }
    }

    @Test("no text of brackets, quotes and operators traps or hangs")
    func hostile() {
        let words = [
            "(", ")", "[", "]", "not", "and", "in", "\"", "'", "!", "==", "tls.active", "1", "::", "\\", "é", ",",
        ]
        var state: UInt64 = 42
        for _ in 0..<400 {
            var text = ""
            for _ in 0..<20 {
                state = state &* 6_364_136_223_846_793_005 &+ 1
                text += words[Int(state >> 33) % words.count] + (state & 1 << 20 == 0 ? " " : "")
            }
            let outcome = Sample.rule(text)
            #expect(outcome.policy == nil || !outcome.findings.contains { $0.severity == .error })
        }
    }
}
