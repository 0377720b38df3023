/// What a matching rule does.
public enum Action: Hashable, Sendable {
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
    /// Into `session.tags`; the stage goes on.
    case tag(String)
    /// The reply to this command is held back for so many nanoseconds; the stage goes on.
    case delay(UInt64)
    /// So is every later reply of the session; the stage goes on.
    case tarpit(UInt64)

    /// The word that policy files use.
    public var name: String {
        switch self {
        case .accept: "accept"
        case .skip: "skip"
        case .reject: "reject"
        case .defer: "defer"
        case .drop: "drop"
        case .tag: "tag"
        case .delay: "delay"
        case .tarpit: "tarpit"
        }
    }

    /// Whether it ends the stage for all policies.
    public var isDecisive: Bool {
        switch self {
        case .accept, .reject, .defer, .drop: true
        case .skip, .tag, .delay, .tarpit: false
        }
    }

    public var reply: ReplyTemplate? {
        switch self {
        case .reject(let reply), .defer(let reply), .drop(let reply): reply
        case .accept, .skip, .tag, .delay, .tarpit: nil
        }
    }
}

/// Whom a rule's `ban:` is about.
public enum BanTarget: String, Hashable, Sendable, CaseIterable {
    /// The client's net: its connections are closed at once.
    case client
    /// The login that holds: its AUTH and its mail are put off.
    case user
}

/// `ban:` of a rule: who is to be kept away and how long.
public struct Ban: Hashable, Sendable {
    /// Nanoseconds.
    public let duration: UInt64
    public let target: BanTarget

    public init(duration: UInt64, target: BanTarget = .client) {
        self.duration = duration
        self.target = target
    }
}

/// One rule: at a stage, when a condition holds and no exception does, an action.
public struct Rule: Hashable, Sendable {
    public var id: String
    public var stage: Stage
    public var mode: Mode
    public var when: Expression
    public var unless: Expression?
    /// Names of limits; the rule holds when any of them is exceeded.
    public var over: [String]
    public var action: Action
    public var ban: Ban?
    /// The operator is told.
    public var notifies = false

    public init(
        _ id: String, at stage: Stage, mode: Mode = .enforce, when: Expression = .always, unless: Expression? = nil,
        over: [String] = [], _ action: Action, ban: Ban? = nil, notifies: Bool = false
    ) {
        self.id = id
        self.stage = stage
        self.mode = mode
        self.when = when
        self.unless = unless
        self.over = over
        self.action = action
        self.ban = ban
        self.notifies = notifies
    }
}
