import Bytes
import Enforcement
import Policy
import SMTPWire
import Testing
import Throttle

/// What conversations learn from logins, and what rules make of it.
struct GuessingTests {
    /// Several sessions, one after the other, that share what is remembered.
    private final class Village {
        let limit = LimitDefinition(
            name: "bad", key: [.authLogin], count: 1, period: 3600 * seconds, burst: 2)
        let peers = PeerBooks()
        let buckets = LimitTable(capacity: 100)
        var stage: StageSetting

        init(_ rules: [Rule]) {
            let policy = PolicyDefinition(name: "x", limits: [limit], rules: rules, otherwise: .accept)
            stage = .submission { $0.policies.insert(policy, at: 0) }
            stage.peers = peers
            stage.buckets = buckets
        }

        /// One login from a host; the reply's code, and whether the backend heard of it.
        func logIn(_ user: String, _ password: String, from host: String) -> (code: String, isRelayed: Bool) {
            stage.client = endpoint(host, 4711)
            let rehearsed = Rehearsed(stage)
            let token = base64("\0\(user)\0\(password)")
            rehearsed.play(Opening.tls)
            rehearsed.clientSends(octets("AUTH PLAIN \(token)\r\n"))
            guard !rehearsed.connects.isEmpty else {
                return (String(decoding: rehearsed.clientWire.prefix(3), as: UTF8.self), false)
            }
            rehearsed.play(Opening.backend("PIPELINING", "AUTH PLAIN LOGIN") + "B: AUTH PLAIN \(token)")
            rehearsed.backendSends(octets(password == "right" ? "235 2.7.0 in\r\n" : "535 5.7.8 no\r\n"))
            return (String(decoding: rehearsed.clientWire.prefix(3), as: UTF8.self), true)
        }
    }

    private let bad = Expression.equal(.authResult, .text(octets("bad_credentials"))) && !.field(.authRepeated)

    private var counting: Rule { Rule("count", at: .authReply, when: bad, over: ["bad"], .tag("counted")) }

    private var closed: Rule {
        let empty = Expression(
            .compare(.equal, Expression(.remaining(limit: "bad")), Expression(.literal(.int(0)))))
        return Rule(
            "closed", at: .login, when: empty, unless: .field(.authKnownNet), .defer(ReplyTemplate(454, "4.7.0 later")))
    }

    @Test func `Strangers who guess an account use up their own budget, and its owner logs in from his usual net`() {
        let village = Village([closed, counting])
        #expect(village.logIn("alice", "right", from: "203.0.113.1").code == "235")
        for (number, code) in ["535", "535", "454", "454"].enumerated() {
            let guess = village.logIn("alice", "guess \(number)", from: "198.51.100.\(number)")
            #expect(guess.code == code && guess.isRelayed == (code == "535"))
        }
        #expect(village.logIn("alice", "right", from: "198.51.100.77") == ("454", false))
        #expect(village.logIn("alice", "right", from: "203.0.113.1").code == "235")
        #expect(village.logIn("bob", "right", from: "198.51.100.77").code == "235")
    }

    @Test func `A device with an old password is one failure, however often it tries`() {
        let village = Village([closed, counting])
        for _ in 0..<20 { #expect(village.logIn("alice", "old", from: "203.0.113.1").code == "535") }
        #expect(village.logIn("alice", "other", from: "203.0.113.2").code == "535")
        #expect(village.logIn("alice", "third", from: "203.0.113.2").code == "454")
    }

    @Test func `While nets with good logins fail in their majority nothing is counted and nobody is banned`() {
        let drop = Rule(
            "brute", at: .authReply, when: bad, .drop(ReplyTemplate(421, "4.7.0 bye")), ban: Ban(duration: 60 * seconds)
        )
        let village = Village([closed, counting])
        for number in 1...9 { _ = village.logIn("user\(number)", "right", from: "203.0.113.\(number)") }
        for number in 1...9 { _ = village.logIn("user\(number)", "wrong", from: "203.0.113.\(number)") }
        for number in 1...20 {
            #expect(village.logIn("alice", "guess \(number)", from: "198.51.100.\(number)").code == "535")
        }
        var stricter = Village([drop]).stage
        stricter.peers = village.peers
        village.stage = stricter
        #expect(village.logIn("alice", "yet another", from: "198.51.100.99").code == "421")
        let (host, now) = (IPAddress(v4: 0xC633_6463), UInt64(1_000_000_000_000))
        #expect(village.peers.standing(of: host, in: AddressPrefix(host, bits: 32), now: now) == .free)
    }

    @Test func `The nets of an account are counted over its sessions`() {
        let many = Expression(.compare(.greater, .field(.authDistinctNets), Expression(.literal(.int(2)))))
        let village = Village([
            Rule(
                "many", at: .mail, when: .field(.authOK) && many,
                .defer(ReplyTemplate(450, "4.7.1 too many nets")))
        ])
        for number in 1...2 { _ = village.logIn("alice", "right", from: "203.0.113.\(number)") }
        village.stage.client = endpoint("203.0.113.3", 4711)
        let token = base64("\0alice\0right")
        Rehearsed(village.stage).play(
            Opening.tls + "C: AUTH PLAIN \(token)\n" + Opening.backend("PIPELINING", "AUTH PLAIN LOGIN") + """
                B: AUTH PLAIN \(token)
                R: 235 in
                S: 235 in
                C: MAIL FROM:<alice@example.org>
                S: 450 4.7.1 too many nets sid=SID
                """)
    }
}
