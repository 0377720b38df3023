/// A rule's full name, `policy/rule`: the same in replies, logs, metrics and `explain`.
public struct RuleID: Hashable, Sendable, CustomStringConvertible {
    public let policy: String
    public let rule: String

    public init(policy: String, rule: String) {
        self.policy = policy
        self.rule = rule
    }

    /// The name of what happens when no rule of a policy was decisive.
    public static func defaultRule(of policy: String) -> RuleID {
        RuleID(policy: policy, rule: "default")
    }

    /// A check that the protocol itself makes and no policy file can switch off.
    public static func builtIn(_ check: String) -> RuleID {
        RuleID(policy: "protocol", rule: check)
    }

    public var description: String { "\(policy)/\(rule)" }
}

/// Whether a rule decides, only reports what it would have decided, or is absent.
public enum Mode: String, Sendable {
    case enforce
    case monitor
    case disabled
}
