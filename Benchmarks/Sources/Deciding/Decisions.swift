internal import Bytes
public import Policy

/// One stage of a rule book, asked again and again about the same recipient.
public struct Decisions: Sendable {
    private let book: RuleBook
    private let facts: Facts

    public static let inbound = Decisions([BuiltInPolicy.inbound.policy(ourDomains: .domains(["example.com"]))])

    /// None of the rules holds, so all of the stage are asked.
    public static let many = Decisions([mix(.lists)])

    public init(_ policies: [PolicyDefinition]) {
        book = RuleBook(policies, realm: Array("example.com".utf8))
        let client = Endpoint(address: IPAddress(v4: 0xCB00_7107), port: 4711)
        let here = Endpoint(address: IPAddress(v4: 0x7F00_0001), port: 25)
        var facts = Facts(
            client: ClientFacts(endpoint: client, local: here), listener: ListenerFacts(name: "mx", port: 25))
        facts.client.name = Array("mail-7.sender.example".utf8)
        facts.helo.name = Array("mail-7.sender.example".utf8)
        facts.tls = TLSFacts(version: .tls13, cipher: "TLS_AES_128_GCM_SHA256")
        facts.auth.user = Array("carol@example.com".utf8)
        facts.sender = SenderFacts(
            local: Array("newsletter".utf8), domain: Array("sender.example".utf8), size: 40_000, isNull: false,
            usesSMTPUTF8: false)
        facts.recipient = RecipientFacts(
            local: Array("bob".utf8), domain: Array("example.com".utf8), hasRouting: false)
        facts.recipients.asked = 3
        facts.session.tags = ["known"]
        self.facts = facts
    }

    /// Decides so often; how often the command was accepted.
    public func take(_ count: Int) -> Int {
        let scratch = MatchScratch()
        var accepted = 0
        for _ in 0..<count {
            if case .accept = book.decide(.rcpt, facts, scratch: scratch).verdict { accepted += 1 }
        }
        return accepted
    }
}

// MARK: Mixes of rules

extension Decisions {
    /// What the 200 rules of the asked stage are made of; none of them holds.
    public enum Mix: String, CaseIterable {
        /// Values of text fields.
        case equality
        /// A list of its own for each rule.
        case lists
        /// Nets, in lists and written out.
        case nets
        case numbers
        /// Parts of texts.
        case texts
        case patterns
        /// Alternatives over several fields.
        case alternatives
        /// A login or TLS first, then something else, then an exception.
        case guarded
        /// Some of each.
        case mixed
    }

    /// 1,000 rules in all, 200 at the asked stage, one list of 100,000 prefixes.
    public static func mix(_ mix: Mix) -> PolicyDefinition {
        var lists: [String: List] = ["long": longList]
        var rules: [Rule] = []
        for number in 0..<1000 {
            let stage: Stage = number % 5 == 0 ? .rcpt : .mail
            let kind = mix == .mixed ? Mix.allCases[number / 5 % (Mix.allCases.count - 1)] : mix
            let condition = stage == .mail ? .equal(.senderDomain, text(number)) : kind.condition(number, &lists)
            rules.append(Rule("r\(number)", at: stage, when: condition, .reject(ReplyTemplate(550, "5.7.1 No"))))
        }
        rules.append(
            Rule("blocked", at: .rcpt, when: .in(.clientIP, list: "long"), .reject(ReplyTemplate(554, "5.7.1 No"))))
        return PolicyDefinition(name: mix.rawValue, lists: lists, rules: rules, otherwise: .accept)
    }

    /// 100,000 prefixes, none of which covers the client.
    static let longList: List = {
        var builder = ListBuilder(.cidr)
        for number in 0..<100_000 as Range<UInt32> {
            builder.insert(AddressPrefix(IPAddress(v4: 0x0A00_0000 &+ number &* 251), bits: 24 + Int(number % 9)))
        }
        return builder.build()
    }()

    static func text(_ number: Int) -> Literal { .text("d\(number).example.net") }
}

extension Decisions.Mix {
    fileprivate func condition(_ number: Int, _ lists: inout [String: List]) -> Expression {
        let text = Decisions.text(number)
        switch self {
        case .equality: return .equal(number % 2 == 0 ? .rcptDomain : .senderDomain, text)
        case .lists:
            lists["l\(number)"] = .domains(["d\(number).example.net", ".e\(number).example.org"])
            return .in(number % 2 == 0 ? .rcptDomain : .senderDomain, list: "l\(number)")
        case .nets:
            var builder = ListBuilder(.cidr)
            let net = AddressPrefix(IPAddress(v4: 0xC000_0000 &+ UInt32(number) << 8), bits: 24)
            builder.insert(net)
            lists["n\(number)"] = builder.build()
            if number % 2 == 0 { return .in(.clientIP, list: "n\(number)") }
            return Expression(.inItems(.field(.clientIP), [.cidr(net)]))
        case .numbers:
            return Self.compare(number % 2 == 0 ? .rcptCount : .clientPort, .greater, .int(5000 + Int64(number)))
        case .texts:
            let tests = TextTest.allCases
            let part = Expression(.literal(.text("x\(number)")))
            return Expression(.textTest(tests[number / 5 % tests.count], .field(.heloName), part))
        case .patterns: return Expression(.matches(.field(.heloName), pattern: "^(dsl|pool)?[0-9]+-\(number)[.]dyn\\."))
        case .alternatives:
            return .equal(.rcptDomain, text) || .equal(.senderDomain, text)
                || Self.compare(.rcptCount, .equal, .int(1000))
        case .guarded:
            return .field(.authOK) && .field(.tlsActive) && !.equal(.authUser, text) && .equal(.rcptLocal, text)
        case .mixed: return .always
        }
    }

    private static func compare(_ field: Field, _ comparison: Comparison, _ literal: Literal) -> Expression {
        Expression(.compare(comparison, .field(field), Expression(.literal(literal))))
    }
}
