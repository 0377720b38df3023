import Bytes
import Policy
import Testing

/// Rules made up by a generator, asked through a book and one by one.
@Suite struct StagePlanTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }

    private static let lists: [String: List] = [
        "a": list(.domain, "example.org", ".example.com"), "b": list(.domain, "sales.example.com", "x.example"),
        "c": list(.domain, ".com"), "d": list(.address, "carol", "bob@example.net"),
        "e": list(.address, "carol@example.org"), "f": list(.string, "Carol", "bob"),
        "n": list(.cidr, "203.0.113.0/24", "2001:db8::/32"), "o": list(.cidr, "203.0.113.7"),
        "p": list(.cidr, "0.0.0.0/0", "198.51.100.0/24"), "q": list(.cidr, "203.0.113.0/25", "203.0.113.0/30"),
    ]

    private static let atoms: [Expression] = [
        .field(.tlsActive), .field(.authOK), .field(.rcptHasRouting), Expression(.has(.tlsSNI)),
        Expression(.has(.clientName)), compare(.rcptCount, .greater, .int(2)),
        compare(.rcptCount, .lessOrEqual, .int(2)),
        compare(.rcptCount, .unequal, .int(3)), compare(.tlsVersion, .less, .tlsVersion(.tls13)),
        compare(.senderSize, .greaterOrEqual, .size(5000)), compare(.senderSize, .less, .size(10)),
        .equal(.rcptDomain, .text("sales.example.com")), .equal(.rcptDomain, .text("example.org")),
        compare(.rcptDomain, .unequal, .text("example.org")), compare(.tlsSNI, .unequal, .text("x")),
        .equal(.authUser, .text("carol")), items(.rcptLocal, .text("bob"), .text("alice")),
        items(.rcptCount, .int(1), .int(3)), items(.clientIP, .cidr(net("203.0.113.0/28"))),
        test(.heloName, .startsWith, "lap"), test(.heloName, .endsWith, ".org"), test(.heloName, .contains, "top.ex"),
        matches(.heloName, "^lap[a-z]+\\.example"), matches(.heloName, "(?i)DESK|top"), matches(.rcptLocal, "b.?ob+$"),
        .in(.rcptDomain, list: "a"), .in(.rcptDomain, list: "b"), .in(.rcptDomain, list: "c"),
        .in(.senderDomain, list: "a"), .in(.authUser, list: "d"), .in(.authUser, list: "e"), .in(.authUser, list: "f"),
        .in(.rcptLocal, list: "f"), .in(.clientIP, list: "n"), .in(.clientIP, list: "o"), .in(.clientIP, list: "p"),
        .in(.clientIP, list: "q"), .in(.clientNet, list: "n"), .in(.clientNet, list: "p"), .in(.clientNet, list: "q"),
        .equal(.clientIP, .ip(address("203.0.113.7"))), .equal(.clientNet, .cidr(net("203.0.113.7/32"))),
        Expression(.inWords(.text("seen"), .sessionTags)), Expression(.literal(.bool(true))),
        Expression(.literal(.bool(false))), Expression(.compare(.equal, .field(.rcptLocal), .field(.senderLocal))),
        Expression(.compare(.equal, .field(.tlsActive), .field(.authOK))),
    ]

    private static func expression(_ depth: Int, _ random: inout Generator) -> Expression {
        let kind = depth == 0 ? 9 : Int.random(in: 0..<10, using: &random)
        switch kind {
        case 0...2: return expression(depth - 1, &random) && expression(depth - 1, &random)
        case 3...4: return expression(depth - 1, &random) || expression(depth - 1, &random)
        case 5...6: return !expression(depth - 1, &random)
        case _: return atoms[Int.random(in: 0..<atoms.count, using: &random)]
        }
    }

    private static func facts(_ random: inout Generator) -> Facts {
        let clients = ["203.0.113.7", "203.0.113.2", "198.51.100.9", "2001:db8::1"]
        let isLoggedIn = Bool.random(using: &random)
        var facts = sampleFacts(
            client: clients[Int.random(in: 0..<4, using: &random)], user: isLoggedIn ? "carol@example.org" : nil)
        if Bool.random(using: &random) { facts.tls = nil }
        if Bool.random(using: &random) { facts.heloName("desktop.example.org") }
        if Bool.random(using: &random) {
            facts.recipient = RecipientFacts(local: octets("alice"), domain: octets("example.org"), hasRouting: true)
        }
        if Bool.random(using: &random) { facts.session.tags = ["seen"] }
        return facts
    }

    @Test func `A book passes over no rule that holds, and asks none that does not`() throws {
        var random = Generator(state: 2026)
        for round in 0..<300 {
            let rules = (0..<40).map { number in
                Rule(
                    "r\(number)", at: .rcpt, when: Self.expression(3, &random),
                    unless: Bool.random(using: &random) ? Self.expression(2, &random) : nil, refusal)
            }
            let book = RuleBook(
                [PolicyDefinition(name: "p", lists: Self.lists, rules: rules, otherwise: .accept)],
                realm: octets("example.org"))
            #expect(book.faults == [])
            for _ in 0..<4 {
                let facts = Self.facts(&random)
                let expected = try rules.first { try Self.holds($0, facts) }
                let decision = book.decide(.rcpt, facts)
                #expect(decision.rule.rule == expected?.id ?? "default", "round \(round)")
            }
        }
    }

    private static func holds(_ rule: Rule, _ facts: Facts) throws -> Bool {
        let (lists, realm) = (lists, octets("example.org"))
        guard try Condition(rule.when, lists: lists, realm: realm).holds(for: facts) == true else { return false }
        return try rule.unless.map { try Condition($0, lists: lists, realm: realm).holds(for: facts) } != true
    }

    @Test func `A tag that a rule gives is seen by the rules behind it, with an index too`() {
        let rules = (0..<20).map {
            Rule("f\($0)", at: .rcpt, when: compare(.rcptCount, .equal, .int(Int64(100 + $0))), refusal)
        }
        let given = Rule("give", at: .rcpt, .tag("late"))
        let asked = Rule("asked", at: .rcpt, when: Expression(.inWords(.text("late"), .sessionTags)), refusal)
        let behind = RuleBook([PolicyDefinition(name: "p", rules: rules + [given, asked], otherwise: .accept)])
        #expect(behind.decide(.rcpt, sampleFacts()).rule.rule == "asked")
        let before = RuleBook([PolicyDefinition(name: "p", rules: rules + [asked, given], otherwise: .accept)])
        #expect(before.decide(.rcpt, sampleFacts()).rule.rule == "default")
    }

    @Test func `Two evaluations that share their scratch memory do not take each other's answers`() {
        let limit = LimitDefinition(name: "l", key: [.rcptDomain], count: 1, period: 1, burst: 1)
        let fillers = (0..<20).map {
            Rule("f\($0)", at: .rcpt, when: compare(.rcptCount, .equal, .int(Int64(100 + $0))), refusal)
        }
        let rules =
            [Rule("charged", at: .rcpt, over: ["l"], refusal)] + fillers + [
                Rule("routed", at: .rcpt, when: .field(.rcptHasRouting), refusal)
            ]
        let book = RuleBook([PolicyDefinition(name: "p", limits: [limit], rules: rules, otherwise: .accept)])
        let scratch = MatchScratch()
        var (plain, routed) = (sampleFacts(), sampleFacts())
        plain.recipients.asked = 1
        routed.recipient = RecipientFacts(local: octets("a%b"), domain: octets("example.org"), hasRouting: true)
        var (first, second) = (book.evaluation(of: .rcpt, scratch), book.evaluation(of: .rcpt, scratch))
        guard case .needs = first.advance(plain), case .needs = second.advance(routed) else {
            Issue.record("both ask the limit first")
            return
        }
        first.answer(.charged)
        second.answer(.charged)
        guard case .decided(let one) = first.advance(plain), case .decided(let other) = second.advance(routed) else {
            Issue.record("nothing is left to ask")
            return
        }
        #expect(one.rule.rule == "default" && other.rule.rule == "routed")
    }

    @Test(arguments: [
        ("^mail\\.example", "mail.example.org", true), ("mail[0-9]+-x", "mail7-x", true),
        ("(?i)Straße", "STRASSE", false),
        ("(?i)dyn", "xDYNx", true), ("a{0}bc", "bc", true), ("ab?c", "ac", true), ("(abc)?d", "d", true),
        ("a|b", "b", true), ("\\x41b", "Ab", true), ("[]a]b", "]b", true), ("x\\.y+z", "x.yyz", true),
        ("(?i)kelvin", "\u{212A}elvin", true), ("\\Qa.b\\E", "a.b", true), ("ab", "a b", false),
    ])
    func `What a pattern needs of a text never hides a match`(pattern: String, text: String, isFound: Bool) throws {
        #expect(try Pattern(pattern).isFound(in: octets(text)) == isFound)
    }
}

extension Facts {
    fileprivate mutating func heloName(_ name: String) { helo.name = octets(name) }
}
