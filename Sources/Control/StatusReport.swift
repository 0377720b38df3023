/// What a daemon says of itself: the whole of `portreeve status`.
public struct StatusReport: Hashable, Sendable, Codable {
    public var version: String
    public var pid: Int32
    public var started: UTCTime
    /// When this report was made; uptime and expiry are reckoned from it.
    public var now: UTCTime
    public var workers: Int
    /// On the way out: no new sessions, those in flight may finish.
    public var isDraining: Bool
    public var configuration: ConfigurationStatus
    public var listeners: [ListenerStatus]
    public var backends: [BackendStatus]
    public var certificates: [CertificateStatus]
    /// nil where limits and bans are this machine's own.
    public var store: StoreStatus?
    /// Messages that backends took since the start.
    public var messages: UInt64
    /// Log records that were dropped or could not be written since the start.
    public var logDrops: UInt64

    public init(
        version: String, pid: Int32, started: UTCTime, now: UTCTime, workers: Int, isDraining: Bool = false,
        configuration: ConfigurationStatus, listeners: [ListenerStatus] = [], backends: [BackendStatus] = [],
        certificates: [CertificateStatus] = [], store: StoreStatus? = nil, messages: UInt64 = 0, logDrops: UInt64 = 0
    ) {
        self.version = version
        self.pid = pid
        self.started = started
        self.now = now
        self.workers = workers
        self.isDraining = isDraining
        self.configuration = configuration
        self.listeners = listeners
        self.backends = backends
        self.certificates = certificates
        self.store = store
        self.messages = messages
        self.logDrops = logDrops
    }

    /// Seconds.
    public var uptime: Int64 { max(0, now.seconds - started.seconds) }

    enum CodingKeys: String, CodingKey {
        case version, pid, started, now, workers, configuration, listeners, backends, certificates, store, messages
        case isDraining = "draining"
        case logDrops = "log_drops"
    }
}

public struct ConfigurationStatus: Hashable, Sendable, Codable {
    public var path: String
    /// Lower-case hex.
    public var hash: String
    public var loaded: UTCTime
    /// nil if no reload was asked for yet.
    public var lastReload: ReloadStatus?

    public init(path: String, hash: String, loaded: UTCTime, lastReload: ReloadStatus? = nil) {
        self.path = path
        self.hash = hash
        self.loaded = loaded
        self.lastReload = lastReload
    }

    enum CodingKeys: String, CodingKey {
        case path, hash, loaded
        case lastReload = "last_reload"
    }
}

public struct ReloadStatus: Hashable, Sendable, Codable {
    public var time: UTCTime
    public var ok: Bool
    public var message: String

    public init(time: UTCTime, ok: Bool, message: String) {
        self.time = time
        self.ok = ok
        self.message = message
    }
}

public struct ListenerStatus: Hashable, Sendable, Codable {
    public var name: String
    /// `address:port`.
    public var endpoints: [String]
    public var policies: [String]
    public var activeSessions: UInt64
    public var connections: UInt64
    /// Commands that rules or the protocol refused, and connections turned away.
    public var refused: UInt64
    public var messages: UInt64

    public init(
        name: String, endpoints: [String], policies: [String], activeSessions: UInt64 = 0, connections: UInt64 = 0,
        refused: UInt64 = 0, messages: UInt64 = 0
    ) {
        self.name = name
        self.endpoints = endpoints
        self.policies = policies
        self.activeSessions = activeSessions
        self.connections = connections
        self.refused = refused
        self.messages = messages
    }

    enum CodingKeys: String, CodingKey {
        case name, endpoints, policies, connections, refused, messages
        case activeSessions = "active_sessions"
    }
}

public struct BackendStatus: Hashable, Sendable, Codable {
    public var name: String
    public var servers: [ServerStatus]

    public init(name: String, servers: [ServerStatus]) {
        self.name = name
        self.servers = servers
    }
}

public struct ServerStatus: Hashable, Sendable, Codable {
    public enum State: String, Sendable, Codable {
        case up
        /// It was proven and does not answer now.
        case down
        /// It has not answered since the start, so its self-test is still to come.
        case unproven
        /// It failed its self-test and gets no sessions.
        case disproved
    }

    /// `address:port`.
    public var address: String
    public var state: State
    /// Why it is not up.
    public var reason: String?
    public var sessions: Int

    public init(address: String, state: State, reason: String? = nil, sessions: Int = 0) {
        self.address = address
        self.state = state
        self.reason = reason
        self.sessions = sessions
    }
}

/// The store that several machines share.
public struct StoreStatus: Hashable, Sendable, Codable {
    public enum State: String, Sendable, Codable {
        case up
        /// All of it or a part cannot be asked: limits go by their `on_store_loss`.
        case lost
    }

    /// Its servers, such as `redis://10.0.0.5:6379/0`.
    public var name: String
    public var state: State
    /// When that began.
    public var since: UTCTime
    /// Why it is not up.
    public var reason: String?
    /// How often it went away.
    public var losses: UInt64
    /// Questions for which a limit's `on_store_loss` had to answer.
    public var unanswered: UInt64

    public init(
        name: String, state: State, since: UTCTime, reason: String? = nil, losses: UInt64 = 0, unanswered: UInt64 = 0
    ) {
        self.name = name
        self.state = state
        self.since = since
        self.reason = reason
        self.losses = losses
        self.unanswered = unanswered
    }
}

public struct CertificateStatus: Hashable, Sendable, Codable {
    public var names: [String]
    public var expires: UTCTime

    public init(names: [String], expires: UTCTime) {
        self.names = names
        self.expires = expires
    }
}
