import PolicyLanguage
import Rehearsal
import Testing

@Suite("Sessions typed by hand")
struct SimulatedSessionTests {
    private static let policy = """
        version: 1
        policy: sample
        rules:
          - { id: tls, at: mail, when: not tls.active, action: reject, reply: "530 5.7.0 TLS first" }
          - { id: login, at: rcpt, when: not auth.ok, action: reject, reply: "550 5.7.1 Who are you" }
        default: accept

        """

    private static func session() throws -> SimulatedSession {
        let policy = try #require(
            PolicyLoader().parse(text: policy, name: "policy.yaml", directory: "/nowhere").policy)
        return SimulatedSession(
            [policy], listener: "submission", port: 587, tls: nil, client: "203.0.113.7", domains: [], realm: nil)
    }

    /// The codes that come after each typed line, the greeting first.
    private static func codes(_ lines: [String]) throws -> [String] {
        let session = try session()
        return ([nil] + lines.map(Optional.some)).map { line in
            if let line, let problem = session.type(line) { return problem }
            return String(session.news().replies.split(separator: "\n").last?.prefix(3) ?? "")
        }
    }

    @Test("a whole conversation, with STARTTLS typed or left to TLS")
    func conversation() throws {
        let rest = ["EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "RSET", "AUTH bob", "QUIT"]
        let codes = ["250", "250", "550", "250", "235", "221"]
        #expect(
            try Self.codes(["EHLO x", "MAIL FROM:<a@b.example>", "STARTTLS", "TLS"] + rest)
                == ["220", "250", "530", "220", ""] + codes)
        #expect(try Self.codes(["EHLO x", "TLS"] + rest) == ["220", "250", ""] + codes)
    }

    @Test("what decided is told with each reply")
    func rules() throws {
        let session = try Self.session()
        _ = session.news()
        _ = session.type("EHLO x")
        _ = session.news()
        _ = session.type("MAIL FROM:<a@b.example>")
        #expect(session.news().rules == ["sample/tls"])
        #expect(!session.isClosed)
        _ = session.type("QUIT")
        _ = session.news()
        #expect(session.isClosed)
    }

    @Test("a wrong password is refused")
    func wrongPassword() throws {
        #expect(try Self.codes(["EHLO x", "TLS", "EHLO x", "AUTH bob wrong", "AUTH bob"]).suffix(2) == ["535", "235"])
    }
}
