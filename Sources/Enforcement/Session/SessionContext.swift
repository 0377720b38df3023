public import Policy
public import SMTPSession
import SMTPWire
public import Throttle

/// Everything about a listener that its sessions share: immutable, made anew by every reload.
public final class SessionContext: Sendable {
    /// When a listener's clients are inside TLS.
    public enum ListenerTLS: String, Sendable {
        case none
        case starttls
        case implicit
    }

    /// The backend as sessions use it.
    public struct Backend: Sendable {
        public var name: String
        public var identity: BackendIdentity
        public var tls: BackendTLS
        /// AUTH is relayed to it.
        public var judgesLogins: Bool
        /// Completes a login that names no domain; canonical.
        public var realm: [UInt8]?

        public init(
            name: String, identity: BackendIdentity, tls: BackendTLS, judgesLogins: Bool, realm: [UInt8]?
        ) {
            self.name = name
            self.identity = identity
            self.tls = tls
            self.judgesLogins = judgesLogins
            self.realm = realm
        }
    }

    public let hostname: String
    public let listener: ListenerFacts
    public let tls: ListenerTLS
    public let limits: ProtocolLimits
    public let timeouts: Timeouts
    public let book: RuleBook
    public let backend: Backend
    /// The buckets of the policies' limits, shared by all listeners.
    public let buckets: LimitTable
    /// Bans and what was learnt from logins, shared by all listeners.
    public let peers: PeerBooks
    /// What intercepted sessions are told that are only explained to.
    public let explanation: Explanation
    let greeting: Reply

    public init(
        hostname: String, listener: ListenerFacts, tls: ListenerTLS, limits: ProtocolLimits, timeouts: Timeouts,
        book: RuleBook, backend: Backend, buckets: LimitTable = LimitTable(capacity: 4096, shards: 1),
        peers: PeerBooks = PeerBooks(), explanation: Explanation = Explanation()
    ) {
        self.hostname = hostname
        self.listener = listener
        self.tls = tls
        self.limits = limits
        self.timeouts = timeouts
        self.book = book
        self.backend = backend
        self.buckets = buckets
        self.peers = peers
        self.explanation = explanation
        greeting = Replies.greeting(hostname)
    }

    var rules: SessionRules {
        SessionRules(
            offersSTARTTLS: tls == .starttls, offersAUTH: backend.judgesLogins, offersCHUNKING: limits.chunking,
            maxMessageSize: limits.maxMessageSize, maxRecipients: limits.maxRecipients)
    }
}

/// Whether limits of `scope: cluster` are asked of a store that several machines share.
public enum SharedStoreUse: Sendable {
    /// None is configured: every limit is this machine's own.
    case none
    case up
    /// All of it or a part cannot be asked: what it leaves unanswered is decided by each limit's `on_store_loss`.
    case troubled
}

/// Where a worker's sessions of one listener find the newest context; a reload replaces it, sessions take it at their next MAIL.
public final class ContextSource {
    public var current: SessionContext
    /// Renewed once a second by the worker.
    public var calendar = CalendarFacts()
    /// Kept up to date by the worker.
    public var store = SharedStoreUse.none
    /// Whether somebody wants a report of each decision that accepts; otherwise `takeAcceptances` counts them.
    public var reportsAcceptances = true
    let scratch = MatchScratch()
    var ehloReplies = EHLOReplies()

    public init(_ context: SessionContext) {
        current = context
    }
}
