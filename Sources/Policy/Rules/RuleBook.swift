/// The policies of one listener, compiled: every rule in one array, ordered by stage, then policy, then rule.
///
/// Immutable, so workers read it without locks; a reload makes a new one.
public final class RuleBook: Sendable {
    struct Entry: Sendable {
        let id: RuleID
        let mode: Mode
        let condition: Condition
        let action: Action
        /// Index of the policy among the listener's.
        let policy: Int
    }

    private let entries: [Entry]
    /// Where each stage's rules stand in `entries`.
    private let stages: [Range<Int>]
    private let defaults: [(id: RuleID, verdict: PolicyDefinition.Default)]
    public let policyNames: [String]

    public init(_ policies: [PolicyDefinition]) {
        var entries: [Entry] = []
        var stages: [Range<Int>] = []
        for stage in Stage.allCases {
            let start = entries.count
            for (index, policy) in policies.enumerated() {
                for rule in policy.rules where rule.stage == stage && rule.mode != .disabled {
                    let id = RuleID(policy: policy.name, rule: rule.id)
                    entries.append(
                        Entry(id: id, mode: rule.mode, condition: rule.condition, action: rule.action, policy: index))
                }
            }
            stages.append(start..<entries.count)
        }
        self.entries = entries
        self.stages = stages
        policyNames = policies.map(\.name)
        defaults = policies.map { (.defaultRule(of: $0.name), $0.otherwise) }
    }

    /// Whether any rule is asked at `stage`.
    public func hasRules(at stage: Stage) -> Bool {
        !stages[Int(stage.rawValue)].isEmpty
    }

    /// Asks the rules of `stage` in order.
    ///
    /// The first decisive action ends the stage. If there is none, the defaults count: the first policy whose default
    /// is `reject` refuses, else the command is accepted.
    public func decide(_ stage: Stage, _ facts: borrowing Facts) -> Decision {
        var monitored: [MonitoredDecision] = []
        var skipped = -1
        for index in stages[Int(stage.rawValue)] {
            let entry = entries[index]
            guard entry.policy != skipped, entry.condition.holds(for: facts) else { continue }
            if case .skip = entry.action, entry.mode == .enforce {
                skipped = entry.policy
                continue
            }
            guard let verdict = entry.action.verdict(with: facts) else { continue }
            if entry.mode == .monitor {
                monitored.append(MonitoredDecision(rule: entry.id, verdict: verdict))
            } else {
                return Decision(stage: stage, verdict: verdict, rule: entry.id, monitored: monitored)
            }
        }
        return otherwise(stage, facts, monitored)
    }

    private func otherwise(_ stage: Stage, _ facts: borrowing Facts, _ monitored: [MonitoredDecision]) -> Decision {
        for (id, verdict) in defaults {
            guard case .reject(let template) = verdict else { continue }
            return Decision(
                stage: stage, verdict: .reject(template.rendered(with: facts)), rule: id, monitored: monitored)
        }
        let id = defaults.last?.id ?? .builtIn("no-policy")
        return Decision(stage: stage, verdict: .accept, rule: id, monitored: monitored)
    }
}

extension Action {
    /// nil for `skip`, which decides nothing.
    fileprivate func verdict(with facts: borrowing Facts) -> Verdict? {
        switch self {
        case .accept: .accept
        case .skip: nil
        case .reject(let template): .reject(template.rendered(with: facts))
        case .defer(let template): .defer(template.rendered(with: facts))
        case .drop(let template): .drop(template.rendered(with: facts))
        }
    }
}
