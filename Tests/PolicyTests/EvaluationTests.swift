import Bytes
import Policy
import Testing

struct EvaluationTests {
    private func limit(_ name: String, _ key: Field..., counts: LimitDefinition.Counting = .attempted)
        -> LimitDefinition
    {
        LimitDefinition(name: name, key: key, count: 10, period: 1_000, burst: 5, counts: counts)
    }

    private func verdict(_ book: RuleBook, _ stage: Stage = .rcpt, _ facts: Facts = sampleFacts()) -> Verdict {
        book.decide(stage, facts).verdict
    }

    private func rule(_ decision: Decision) -> String { decision.rule.rule }

    @Test func `The first decisive rule wins, in the order of policies and rules`() {
        let book = RuleBook(
            Rule("no", at: .rcpt, when: .field(.senderIsNull), refusal), Rule("yes", at: .rcpt, .accept),
            Rule("late", at: .rcpt, refusal))
        #expect(rule(book.decide(.rcpt, sampleFacts())) == "yes")
        #expect(rule(book.decide(.mail, sampleFacts())) == "default")
    }

    @Test func `Skip ends the stage for its own policy only`() {
        let first = PolicyDefinition(
            name: "a", rules: [Rule("skip", at: .rcpt, .skip), Rule("never", at: .rcpt, .accept)], otherwise: .accept)
        let second = PolicyDefinition(name: "b", rules: [Rule("no", at: .rcpt, refusal)], otherwise: .accept)
        #expect(RuleBook([first, second]).decide(.rcpt, sampleFacts()).rule.description == "b/no")
    }

    @Test func `Defaults count after the last policy, and one that refuses is enough`() {
        let reply = ReplyTemplate(550, "5.7.1 shut")
        let policies = [
            PolicyDefinition(name: "a", rules: [], otherwise: .reject(reply)),
            PolicyDefinition(name: "b", rules: [], otherwise: .accept),
        ]
        let decision = RuleBook(policies).decide(.mail, sampleFacts())
        #expect(decision.verdict == .reject(ReplyText(550, "5.7.1 shut")))
        #expect(decision.rule.description == "a/default")
        #expect(RuleBook(policies).decide(.rcptReply, sampleFacts()).verdict == .accept)
        #expect(RuleBook(policies, isMonitored: true).decide(.mail, sampleFacts()).monitored.count == 1)
    }

    @Test func `Unless takes the rule away`() {
        let book = RuleBook(Rule("no", at: .rcpt, unless: .field(.authOK), refusal))
        #expect(verdict(book) == .accept)
        #expect(verdict(book, .rcpt, sampleFacts(user: nil)) != .accept)
    }

    @Test func `An index of equality tests changes nothing`() {
        var rules: [Rule] = []
        for number in 0..<60 {
            let domain = compare(.rcptDomain, .equal, .text("D\(number % 20).example"))
            let local = items(.senderLocal, .text("u\(number % 7)"), .text("v\(number)"))
            switch number % 4 {
            case 0: rules.append(Rule("r\(number)", at: .rcpt, when: domain && .field(.tlsActive), .tag("t\(number)")))
            case 1: rules.append(Rule("r\(number)", at: .rcpt, when: local, .tag("t\(number)")))
            case 2: rules.append(Rule("r\(number)", at: .rcpt, when: domain || local, .tag("t\(number)")))
            case _: rules.append(Rule("r\(number)", at: .rcpt, when: .field(.tlsActive) && local, .tag("t\(number)")))
            }
        }
        let all = RuleBook(
            [PolicyDefinition(name: "p", rules: rules, otherwise: .accept)], realm: octets("example.org"))
        for number in 0..<40 {
            var facts = sampleFacts()
            facts.recipient = RecipientFacts(
                local: octets("x"), domain: octets("d\(number).example"), hasRouting: false)
            facts.sender = SenderFacts(
                local: octets(number % 2 == 0 ? "u\(number % 9)" : "v\(number)"), domain: octets("y"), size: nil,
                isNull: false,
                usesSMTPUTF8: false)
            let alone = rules.filter { rule in
                !RuleBook(rule).decide(.rcpt, facts).effects.tags.isEmpty
            }
            #expect(all.decide(.rcpt, facts).effects.tags == alone.map { "t" + $0.id.dropFirst() })
        }
    }

    @Test func `Tags, delays and tarpits go on, and later rules see the tag`() {
        let tagged = Expression(.inWords(.text("odd"), .sessionTags))
        let book = RuleBook(
            Rule("tag", at: .rcpt, .tag("odd")), Rule("slow", at: .rcpt, .delay(5)),
            Rule("slower", at: .rcpt, .delay(7)),
            Rule("pit", at: .rcpt, .tarpit(100_000_000_000)), Rule("no", at: .rcpt, when: tagged, refusal))
        let decision = book.decide(.rcpt, sampleFacts())
        #expect(rule(decision) == "no")
        #expect(decision.effects.tags == ["odd"] && decision.effects.delay == 7)
        #expect(decision.effects.tarpit == 60_000_000_000)
    }

    @Test func `A monitored rule decides nothing and says what it would have replied`() {
        let pit = Rule("pit", at: .rcpt, mode: .monitor, .tarpit(5), ban: Ban(duration: 9))
        let no = Rule(
            "no", at: .rcpt, mode: .monitor, .reject(ReplyTemplate(554, "5.7.1 {rcpt.address} {limit.retry_after}")),
            ban: Ban(duration: 9))
        let decision = RuleBook(pit, no).decide(.rcpt, sampleFacts())
        #expect(decision.verdict == .accept && decision.effects.tarpit == 0 && decision.effects.ban == nil)
        #expect(decision.monitored.map(\.verdict) == [.reject(ReplyText(554, "5.7.1 bob@sales.example.com 0s"))])
    }

    @Test func `A monitored process still keeps passwords from clear text`() {
        var facts = sampleFacts()
        facts.tls = nil
        let book = RuleBook([BuiltInPolicy.submission.policy(ourDomains: .domains([]))], isMonitored: true)
        #expect(verdict(book, .auth, facts) != .accept)
        #expect(verdict(book, .mail, facts) == .accept)
    }

    @Test func `An enforced rule may ask for a ban`() {
        let book = RuleBook(Rule("no", at: .rcpt, refusal, ban: Ban(duration: 9)))
        #expect(book.decide(.rcpt, sampleFacts()).effects.ban?.duration == 9)
    }

    @Test func `A limit is asked for only where the rule holds otherwise`() {
        let book = RuleBook(
            Rule("burst", at: .rcpt, when: .field(.senderIsNull), over: ["user"], refusal),
            limits: [limit("user", .authUser)])
        var asked = 0
        _ = book.decide(.rcpt, sampleFacts()) { _ in
            asked += 1
            return .charged
        }
        #expect(asked == 0)
    }

    @Test func `An exceeded limit brings the reply with the time to wait`() {
        let reply = ReplyTemplate(450, "4.7.1 retry in {limit.retry_after}")
        let book = RuleBook(
            Rule("burst", at: .rcpt, over: ["user", "net"], .defer(reply)),
            limits: [limit("user", .authUser), limit("net", .clientNet, .senderDomain)])
        var asks: [Ask] = []
        let decision = book.decide(.rcpt, sampleFacts()) { ask in
            asks.append(ask)
            return .exceeded(retryAfter: 17_000_000_001)
        }
        #expect(decision.verdict == .defer(ReplyText(450, "4.7.1 retry in 18s")))
        guard case .charge(let charges)? = asks.first else {
            Issue.record("nothing was charged")
            return
        }
        #expect(charges.map(\.limit) == ["p/user", "p/net"])
        #expect(charges.map(\.key) == [octets("carol@example.org"), octets("203.0.113.7/32\0example.org")])
    }

    @Test func `Within one command a bucket pays once, however many rules name it`() {
        let book = RuleBook(
            Rule("a", at: .rcpt, over: ["user"], refusal), Rule("b", at: .rcpt, over: ["user", "net"], refusal),
            Rule("c", at: .rcpt, mode: .monitor, over: ["user"], refusal),
            limits: [limit("user", .authUser), limit("net", .clientNet)])
        var charged: [[Charge]] = []
        _ = book.decide(.rcpt, sampleFacts()) { ask in
            if case .charge(let charges) = ask { charged.append(charges) }
            return .charged
        }
        #expect(charged.map { $0.map(\.limit) } == [["p/user"], ["p/net"], ["p/user"]])
        #expect(charged.count == 3 && charged[0][0].family != charged[2][0].family)
    }

    @Test func `What remains of a limit is asked for once and compared`() {
        let low = Expression(.compare(.less, Expression(.remaining(limit: "user")), Expression(.literal(.int(10)))))
        let book = RuleBook(
            Rule("low", at: .rcpt, when: low, .tag("low")), Rule("low2", at: .rcpt, when: low, .tag("low2")),
            limits: [limit("user", .authUser)])
        for (remaining, tags) in [(Int64(9), ["low", "low2"]), (10, [])] {
            var asked = 0
            let decision = book.decide(.rcpt, sampleFacts()) { ask in
                asked += 1
                if case .peek(let charge) = ask { #expect(charge.limit == "p/user") }
                return .remaining(remaining)
            }
            #expect(asked == 1)
            #expect(decision.effects.tags == tags)
        }
    }

    @Test func `A reply shows what remains of a limit, of its own policy's`() {
        let reply = ReplyTemplate(
            code: 450, parts: [.text(octets("4.7.1 ")), .remaining(limit: "net"), .text(octets(" left"))])
        let book = RuleBook(
            Rule("few", at: .rcpt, .defer(reply)),
            limits: [limit("user", .authUser), limit("net", .clientNet)])
        let decision = book.decide(.rcpt, sampleFacts()) { ask in
            guard case .peek(let charge) = ask, charge.limit == "p/net" else { return .remaining(-1) }
            return .remaining(3)
        }
        #expect(decision.verdict == .defer(ReplyText(450, "4.7.1 3 left")))
    }

    @Test func `A rule that can't be evaluated refuses, whatever it was to do`() {
        var facts = sampleFacts()
        facts.helo.name = [UInt8](repeating: UInt8(ascii: "a"), count: 200) + octets("!")
        let hostile = matches(.heloName, "^(a+)+$")
        #expect(verdict(RuleBook(Rule("r", at: .rcpt, when: !hostile, refusal)), .rcpt, facts).name == "reject")
        #expect(verdict(RuleBook(Rule("r", at: .rcpt, when: hostile, .accept)), .rcpt, facts).name == "defer")
        #expect(verdict(RuleBook(Rule("r", at: .connect, when: hostile, .skip)), .connect, facts).name == "drop")
        #expect(
            RuleBook(Rule("r", at: .rcpt, mode: .monitor, when: hostile, .accept)).decide(.rcpt, facts).verdict
                == .accept)
    }

    @Test func `A rule that does not compile refuses and is reported`() {
        let book = RuleBook(Rule("r", at: .rcpt, when: .in(.rcptDomain, list: "nowhere"), .accept))
        #expect(verdict(book).name == "defer")
        #expect(book.faults.map(\.rule.rule) == ["r"])
    }

    @Test func `A book knows which stages read outcomes and what messages must be searched for`() {
        let outcome = RuleBook(
            Rule("r", at: .rcpt, when: compare(.rcptRejected, .greater, .int(5)), refusal),
            Rule("m", at: .message, when: compare(.fromHeaderCount, .unequal, .int(1)), refusal))
        #expect(outcome.readsOutcome(at: .rcpt) && !outcome.readsOutcome(at: .mail))
        #expect(outcome.observation == MessageObservation(header: true, lines: false))
        #expect(RuleBook(Rule("r", at: .rcpt, refusal)).observation == nil)
    }

    @Test func `What a peer said can't leave its place in a reply`() {
        var facts = sampleFacts()
        facts.helo.name = octets("a\r\n250 b\\") + [0xFF]
        let reply = ReplyTemplate(554, "5.7.1 <{helo.name}> {nothing} {client.net}").rendered(with: facts)
        #expect(reply.description == #"554 5.7.1 <a\x0D\x0A250 b\x5C\xFF> {nothing} 203.0.113.7/32"#)
        facts.helo.name = [UInt8](repeating: 0, count: 5_000)
        #expect(ReplyTemplate(554, "{helo.name}").rendered(with: facts).text.count <= 480)
    }
}
