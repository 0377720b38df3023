/// A policy: a named list of rules with what they refer to, and what happens when none was decisive.
public struct PolicyDefinition: Sendable {
    /// `default:` of a policy file.
    public enum Default: Hashable, Sendable {
        case accept
        case reject(ReplyTemplate)
    }

    /// `allow_…: "I understand"`: risks that the author has taken on.
    public struct Acknowledgements: Hashable, Sendable {
        public var openRelay = false
        public var unauthenticated = false
        public var cleartextAuth = false

        public init() {}
    }

    public var name: String
    public var description: String
    /// Caps the mode of every rule.
    public var mode: Mode
    public var lists: [String: List]
    public var limits: [LimitDefinition]
    public var rules: [Rule]
    public var otherwise: Default
    public var allows: Acknowledgements
    /// Of the text that it was compiled from; in the log with every decision.
    public var hash: String

    public init(
        name: String, description: String = "", mode: Mode = .enforce, lists: [String: List] = [:],
        limits: [LimitDefinition] = [], rules: [Rule], otherwise: Default,
        allows: Acknowledgements = Acknowledgements(), hash: String = ""
    ) {
        self.name = name
        self.description = description
        self.mode = mode
        self.lists = lists
        self.limits = limits
        self.rules = rules
        self.otherwise = otherwise
        self.allows = allows
        self.hash = hash
    }
}
