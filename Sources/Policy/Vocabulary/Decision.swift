/// A reply in the words of a policy: a code and a text that starts with the enhanced code.
public struct ReplyText: Hashable, Sendable, CustomStringConvertible {
    /// 200...599.
    public let code: UInt16
    /// Printable text without CR and LF.
    public let text: [UInt8]

    public init(code: UInt16, text: [UInt8]) {
        self.code = code
        self.text = text
    }

    public init(_ code: UInt16, _ text: String) {
        self.init(code: code, text: Array(text.utf8))
    }

    public var description: String { "\(code) \(String(decoding: text, as: UTF8.self))" }
}

/// What a stage's rules say of one command.
public enum Verdict: Hashable, Sendable {
    case accept
    /// Refused for good (5xx); the session stays.
    case reject(ReplyText)
    /// Refused for now (4xx); the session stays.
    case `defer`(ReplyText)
    /// The reply is sent, then the connection is closed.
    case drop(ReplyText)

    /// The reply of a refusal.
    public var refusal: ReplyText? {
        switch self {
        case .accept: nil
        case .reject(let reply), .defer(let reply), .drop(let reply): reply
        }
    }

    /// The word that logs and metrics use.
    public var name: String {
        switch self {
        case .accept: "accept"
        case .reject: "reject"
        case .defer: "defer"
        case .drop: "drop"
        }
    }
}

/// A verdict and the rule that gave it: nothing is decided anonymously.
///
/// One reference: most commands of a rule book get one of few decisions, which are made with the book.
public struct Decision: Hashable, Sendable {
    public let stage: Stage
    private let content: Content

    public var verdict: Verdict { content.verdict }
    public var rule: RuleID { content.rule }
    /// What rules in monitor mode would have decided, in order: they changed nothing.
    public var monitored: [MonitoredDecision] { content.monitored }
    /// What rules asked for besides.
    public var effects: Effects { content.effects }
    /// Of the policy that the rule stands in; empty for none.
    public var policyHash: String { content.policyHash }
    /// The command is accepted and nothing else was asked for or watched.
    public var isPlain: Bool { content.isPlain }
    public var isAccepted: Bool { content.verdict == .accept }

    private final class Content: Sendable {
        let verdict: Verdict
        let rule: RuleID
        let monitored: [MonitoredDecision]
        let effects: Effects
        let policyHash: String
        let isPlain: Bool

        init(
            _ verdict: Verdict, _ rule: RuleID, _ monitored: [MonitoredDecision], _ effects: Effects,
            _ policyHash: String
        ) {
            self.verdict = verdict
            self.rule = rule
            self.monitored = monitored
            self.effects = effects
            self.policyHash = policyHash
            isPlain = verdict == .accept && monitored.isEmpty && effects.isEmpty
        }
    }

    public static func == (a: Decision, b: Decision) -> Bool {
        a.stage == b.stage
            && (a.content === b.content
                || a.verdict == b.verdict && a.rule == b.rule && a.monitored == b.monitored && a.effects == b.effects
                    && a.policyHash == b.policyHash)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(stage)
        hasher.combine(verdict)
        hasher.combine(rule)
        hasher.combine(policyHash)
    }

    /// What rules that are not decisive ask for, and bans.
    public struct Effects: Hashable, Sendable {
        /// Nanoseconds that a tarpit holds a reply at most.
        public static let maxTarpit: UInt64 = 60_000_000_000

        /// Nanoseconds that `delay` holds a reply at most.
        public static let maxDelay: UInt64 = 300_000_000_000

        /// For `session.tags`, each once.
        public fileprivate(set) var tags: [String] = []
        /// Nanoseconds that the reply to this command is held back.
        public var delay: UInt64 = 0
        /// Nanoseconds that every later reply of the session is held back.
        public var tarpit: UInt64 = 0
        /// What few rules ask for; every transaction keeps its decision, so these share one word while there are none.
        private var demands: [Demand] = []

        init() {}

        var isEmpty: Bool { self == Effects() }

        mutating func tag(_ name: String) {
            if !tags.contains(name) { tags.append(name) }
        }

        private enum Demand: Hashable, Sendable {
            case ban(BanTarget, BanRequest)
            case notice(RuleID)
        }

        /// The client's net is to be kept away.
        public var ban: BanRequest? { request(.client) }
        /// The user is to be put off.
        public var hold: BanRequest? { request(.user) }
        /// The first rule that wants the operator to be told.
        public var notice: RuleID? {
            demands.lazy.compactMap { if case .notice(let rule) = $0 { rule } else { nil } }.first
        }

        private func request(_ target: BanTarget) -> BanRequest? {
            demands.lazy.compactMap { if case .ban(target, let request) = $0 { request } else { nil } }.first
        }

        /// The longest ban counts.
        mutating func demand(_ ban: Ban, _ rule: RuleID) {
            guard (request(ban.target)?.duration ?? 0) < ban.duration else { return }
            demands.removeAll { if case .ban(ban.target, _) = $0 { true } else { false } }
            demands.append(.ban(ban.target, BanRequest(duration: ban.duration, rule: rule)))
        }

        mutating func demandNotice(_ rule: RuleID) {
            if notice == nil { demands.append(.notice(rule)) }
        }
    }

    init(
        stage: Stage, verdict: Verdict, rule: RuleID, monitored: [MonitoredDecision], effects: Effects = Effects(),
        policyHash: String = ""
    ) {
        self.stage = stage
        content = Content(verdict, rule, monitored, effects, policyHash)
    }

    /// The permit that an accepted command needs to reach the backend; nil for every refusal.
    public func permit() -> Permit? {
        isAccepted ? Permit(stage: stage) : nil
    }
}

/// A rule wants somebody kept away.
public struct BanRequest: Hashable, Sendable {
    /// Nanoseconds.
    public let duration: UInt64
    public let rule: RuleID
}

/// What one monitored rule would have decided.
public struct MonitoredDecision: Hashable, Sendable {
    public let rule: RuleID
    public let verdict: Verdict
    /// Of the policy that the rule stands in.
    public let policyHash: String
}

/// Proof that a policy accepted this command at its stage.
///
/// Only an accepting `Decision` makes one, and sending the command to the backend consumes it, so there is
/// no way to relay a command that was not asked about, nor to relay two on one answer.
public struct Permit: ~Copyable, Sendable {
    public let stage: Stage

    fileprivate init(stage: Stage) {
        self.stage = stage
    }
}
