/// What a matching rule does.
public enum Action: Sendable {
    /// Ends the stage for all policies of the listener.
    case accept
    /// Ends the stage for this policy only.
    case skip
    /// 5xx.
    case reject(ReplyTemplate)
    /// 4xx.
    case `defer`(ReplyTemplate)
    /// Reply, then close.
    case drop(ReplyTemplate)
}

/// One rule: at a stage, when a condition holds, an action.
public struct Rule: Sendable {
    public let id: String
    public let stage: Stage
    public let mode: Mode
    public let condition: Condition
    public let action: Action

    public init(_ id: String, at stage: Stage, mode: Mode = .enforce, when condition: Condition, _ action: Action) {
        self.id = id
        self.stage = stage
        self.mode = mode
        self.condition = condition
        self.action = action
    }
}

/// A named list of rules and what happens when none was decisive.
public struct PolicyDefinition: Sendable {
    public let name: String
    public let rules: [Rule]
    public let otherwise: Default

    /// `default:` of a policy file.
    public enum Default: Sendable {
        case accept
        case reject(ReplyTemplate)
    }

    public init(name: String, rules: [Rule], otherwise: Default) {
        self.name = name
        self.rules = rules
        self.otherwise = otherwise
    }
}
