/// What a session reports of itself.
///
/// Observation and decision are two streams: a report never changes what happens, and losing one loses nothing else.
/// What is large lies outside, so that the commonest report, an acceptance, is small.
public enum SessionReport: Hashable, Sendable {
    case connected
    case tlsEstablished(TLSFacts)
    case tlsFailed(reason: String)
    /// A rule or the protocol refused a command, or a monitored rule would have.
    indirect case refused(RefusalReport)
    /// A command that a policy accepted at its stage.
    case accepted(stage: Stage, rule: RuleID, policyHash: String)
    /// The backend refused a command that the policy had accepted.
    indirect case backendRefused(RefusalReport)
    indirect case authenticationSucceeded(AuthenticationReport)
    indirect case authenticationFailed(AuthenticationReport)
    indirect case messageTaken(MessageReport)
    /// The client's bytes broke the protocol (smuggling, bytes behind STARTTLS, talk before the greeting).
    indirect case protocolViolation(kind: String, during: String)
    /// The backend could not be reached, broke the protocol or was lost.
    indirect case backendFault(server: String, reason: String)
    /// The server that an intercepted client meant offers what could not be followed, and the client is not told of it.
    indirect case offersHidden(server: String, keywords: [String])
    /// TLS between an intercepted client and the server that it meant: nothing of what follows is seen.
    indirect case tlsPassedOn(server: String)
    case lostConnection(after: String)
    case timedOut(after: String)
    case tooManyErrors(after: String)
    /// A rule wanted somebody kept away, and what came of it.
    indirect case banned(BanReport)
    /// Good nets fail in their majority: failed logins count for nothing until that is over.
    case loginCountingSuspended
    /// The shared store did not answer: a limit's `on_store_loss` stood for it.
    case storeUnanswered
    indirect case disconnected(SessionSummary)
}

/// A refusal, with the transaction that it happened in.
public struct RefusalReport: Hashable, Sendable {
    /// The command in Postfix's words, such as `CONNECT`, `RCPT` or `END-OF-MESSAGE`.
    public var command: String
    public var stage: Stage?
    public var reply: ReplyText
    public var rule: RuleID
    public var mode: Mode
    /// The envelope, bare addresses; nil where there is none yet, empty for the null sender.
    public var sender: [UInt8]?
    public var recipient: [UInt8]?
    public var closes: Bool
    /// Of the policy that the rule stands in.
    public var policyHash = ""

    public init(
        command: String, stage: Stage?, reply: ReplyText, rule: RuleID, mode: Mode = .enforce,
        sender: [UInt8]? = nil, recipient: [UInt8]? = nil, closes: Bool = false
    ) {
        self.command = command
        self.stage = stage
        self.reply = reply
        self.rule = rule
        self.mode = mode
        self.sender = sender
        self.recipient = recipient
        self.closes = closes
    }
}

/// A login that was tried, without any secret.
public struct AuthenticationReport: Hashable, Sendable {
    public var mechanism: String
    /// The name that was tried, once it was learnt.
    public var login: [UInt8]?
    public var result: AuthResult
    public var reply: ReplyText

    public init(mechanism: String, login: [UInt8]?, result: AuthResult, reply: ReplyText) {
        self.mechanism = mechanism
        self.login = login
        self.result = result
        self.reply = reply
    }
}

/// A ban that a rule asked for.
public struct BanReport: Hashable, Sendable {
    public enum Outcome: Hashable, Sendable {
        case began
        case prolonged
        /// There was one already that lasts at least as long.
        case unchanged
        /// Nobody was banned: these addresses never are.
        case immune(reason: String)
        /// Nobody was banned: counting and bans are suspended.
        case suspended
    }

    public var target: BanTarget
    /// The net in CIDR notation, or the login.
    public var subject: [UInt8]
    /// Nanoseconds.
    public var duration: UInt64
    public var rule: RuleID
    public var outcome: Outcome

    public init(target: BanTarget, subject: [UInt8], duration: UInt64, rule: RuleID, outcome: Outcome) {
        self.target = target
        self.subject = subject
        self.duration = duration
        self.rule = rule
        self.outcome = outcome
    }
}

/// A message whose end the backend has answered.
public struct MessageReport: Hashable, Sendable {
    /// 1 for the session's first message.
    public var number: Int
    public var sender: [UInt8]
    public var recipients: Int
    /// Octets of content.
    public var size: UInt64
    /// The backend's reply; a message counts as taken only if it is 2xx.
    public var reply: ReplyText
    /// The backend's queue id, where its reply names one.
    public var queueID: String?
    /// `address:port` of the backend.
    public var relay: String
    /// Nanoseconds from MAIL to the backend's reply.
    public var delay: UInt64
    public var user: [UInt8]?
    public var mechanism: String?

    public init(
        number: Int, sender: [UInt8], recipients: Int, size: UInt64, reply: ReplyText, queueID: String?,
        relay: String, delay: UInt64, user: [UInt8]?, mechanism: String?
    ) {
        self.number = number
        self.sender = sender
        self.recipients = recipients
        self.size = size
        self.reply = reply
        self.queueID = queueID
        self.relay = relay
        self.delay = delay
        self.user = user
        self.mechanism = mechanism
    }
}

/// How many commands of each kind a session gave, and how many of them succeeded (Postfix's disconnect line).
public struct SessionSummary: Hashable, Sendable {
    public struct Count: Hashable, Sendable {
        /// The verb in lower case.
        public var command: String
        public var succeeded: Int
        public var total: Int

        public init(command: String, succeeded: Int, total: Int) {
            self.command = command
            self.succeeded = succeeded
            self.total = total
        }
    }

    /// In the order of a session; only verbs that were given.
    public var counts: [Count]
    public var messages: Int
    /// Nanoseconds.
    public var duration: UInt64
    public var bytesIn: UInt64
    public var bytesOut: UInt64
    public var tls: TLSFacts?
    public var user: [UInt8]?
    /// What rules have tagged the session with.
    public var tags: [String] = []

    public init(
        counts: [Count], messages: Int, duration: UInt64, bytesIn: UInt64, bytesOut: UInt64, tls: TLSFacts?,
        user: [UInt8]?
    ) {
        self.counts = counts
        self.messages = messages
        self.duration = duration
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
        self.tls = tls
        self.user = user
    }
}
