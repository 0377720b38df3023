public import Bytes
public import TLSTransport

/// A password, which has no description: it cannot be printed by mistake.
public struct StorePassword: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let octets: [UInt8]

    public init(_ octets: [UInt8]) {
        self.octets = octets
    }

    public var description: String { "(password)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// How TLS to the store is spoken.
public struct StoreTLS: Sendable {
    let context: ClientTLSContext
    let name: String?

    /// `name` is what certificates must be made out to; nil is the host that is connected to.
    public init(_ context: ClientTLSContext, name: String? = nil) {
        (self.context, self.name) = (context, name)
    }
}

/// Who we are to a server of the store, and which of its databases is ours.
struct StoreIdentity: Sendable {
    var user: String?
    var password: StorePassword?
    var database = 0
}

/// Where the shared store is and how to get in.
public struct StoreSettings: Sendable {
    /// One server; or a server and its stand-by, tried in turn until one is a master; or some nodes of a Redis Cluster,
    /// which tell of the others.
    public var servers: [StoreServer]
    public var tls: StoreTLS?
    public var patience = StorePatience()
    var identity: StoreIdentity
    let lookUp: @Sendable (String) -> [IPAddress]

    /// `lookUp` says what addresses a name has; it is called on a thread of its own and may take its time.
    public init(
        servers: [StoreServer], database: Int = 0, user: String? = nil, password: StorePassword? = nil,
        tls: StoreTLS? = nil, lookUp: @escaping @Sendable (String) -> [IPAddress]
    ) {
        self.servers = servers
        self.tls = tls
        self.lookUp = lookUp
        identity = StoreIdentity(user: user, password: password, database: database)
    }
}
