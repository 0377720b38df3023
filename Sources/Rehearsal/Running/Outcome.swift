internal import Policy
internal import PolicyLanguage

/// A decision in the words of a test.
struct Outcome {
    let decision: Decision

    init(_ decision: Decision) {
        self.decision = decision
    }

    /// `reject 550 5.7.1 No`.
    var shown: String {
        let reply = decision.verdict.refusal.map { " " + $0.description } ?? ""
        return decision.verdict.name + reply
    }
}

/// What was expected and what came, of one key.
struct Difference {
    let expected: String
    let got: String
}

extension Expectation {
    func differences(from outcome: Outcome, in policy: String) -> [Difference] {
        let decision = outcome.decision
        var result: [Difference] = []
        func compare(_ name: String, _ expected: String?, _ got: String) {
            if let expected, expected != got {
                result.append(Difference(expected: "\(name): \(expected)", got: "\(name): \(got)"))
            }
        }
        compare("action", action, decision.verdict.name)
        compare("code", code.map { "\($0)" }, decision.verdict.refusal.map { "\($0.code)" } ?? "none")
        if let rule {
            compare("rule", rule, rule.contains("/") ? decision.rule.description : decision.rule.rule)
        }
        if let reply, !outcome.shown.contains(reply) {
            result.append(Difference(expected: "reply: …\(reply)…", got: "reply: \(outcome.shown)"))
        }
        if let tags, !tags.allSatisfy(decision.effects.tags.contains) {
            compare("tags", tags.joined(separator: " "), decision.effects.tags.joined(separator: " "))
        }
        if let monitored {
            let names = decision.monitored.map(\.rule.rule)
            if !names.contains(monitored) { compare("monitored", monitored, names.joined(separator: " ")) }
        }
        let banned = decision.effects.ban ?? decision.effects.hold
        compare("ban", ban.map(Units.duration), banned.map { Units.duration($0.duration) } ?? "none")
        compare("delay", delay.map(Units.duration), Units.duration(decision.effects.delay))
        compare("tarpit", tarpit.map(Units.duration), Units.duration(decision.effects.tarpit))
        return result
    }
}
