import Bytes
import Policy
import Throttle

/// One stage of a rule book, asked again and again about the same recipient.
struct Decisions {
    let book: RuleBook
    let facts: Facts

    static let inbound = Decisions([BuiltInPolicy.inbound.policy(ourDomains: DomainSet(["example.com"]))])

    /// None of the rules holds, so all of the stage are asked.
    static let many = Decisions([
        PolicyDefinition(name: "many", rules: rules(800, .mail) + rules(200, .rcpt), otherwise: .accept)
    ])

    private init(_ policies: [PolicyDefinition]) {
        book = RuleBook(policies)
        let here = Endpoint(address: IPAddress(v4: 0x7F00_0001), port: 25)
        var facts = Facts(
            client: ClientFacts(endpoint: here, local: here), listener: ListenerFacts(name: "mx", port: 25))
        facts.recipient = Self.recipient
        self.facts = facts
    }

    func take(_ count: Int) -> Int {
        var accepted = 0
        for _ in 0..<count {
            if case .accept = book.decide(.rcpt, facts).verdict { accepted += 1 }
        }
        return accepted
    }

    private static let recipient = RecipientFacts(
        local: Array("bob".utf8), domain: Array("example.com".utf8), hasRouting: false)

    private static func rules(_ count: Int, _ stage: Stage) -> [Rule] {
        let long = DomainSet((0..<100_000).map { "host\($0).example.net" })
        return (0..<count).map { number in
            let list = number == 0 ? long : DomainSet(["d\(number).example.net", "e\(number).example.org"])
            return Rule(
                "r\(number)", at: stage, when: .recipientDomain(in: list),
                .reject(ReplyTemplate(550, "5.7.1 no")))
        }
    }
}

/// What admission and a rate limit cost.
enum Limits {
    static func take(_ count: Int) -> Int {
        var ledger = ConnectionLedger<AddressPrefix>()
        let limit = RateLimit(count: 1_000_000, period: 1_000_000_000, burst: 1_000_000)
        let limits = ConnectionLedger<AddressPrefix>.Limits(sessions: 10_000, sessionsPerClient: 20, rate: limit)
        let clients = (0..<256).compactMap { AddressPrefix(IPAddress(v4: 0xCB00_7100 + $0), length: 32) }
        var (arrival, now, passed): (UInt64, UInt64, Int) = (0, 1_000_000_000_000, 0)
        for number in 0..<count {
            now &+= 1_000_000
            let client = clients[number % clients.count]
            guard ledger.admit(client, limits, now: now) == nil else { continue }
            if limit.charge(&arrival, now: now) { passed += 1 }
            ledger.leave(client)
        }
        return passed
    }
}
