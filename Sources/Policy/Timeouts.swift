/// How long each side may keep us waiting: `timeouts:` of portreeve.yaml, each with the documented default.
public struct Timeouts: Sendable, Hashable {
    public var client = ClientTimeouts()
    public var backend = BackendTimeouts()

    public init() {}
}

/// Waiting for the client; all in nanoseconds.
public struct ClientTimeouts: Sendable, Hashable {
    /// From our reply to the first octet of the next command (RFC 5321 §4.5.3.2.7); default 5 min.
    public var command: UInt64 = 300_000_000_000
    /// From the first octet of a command to its CRLF; default 30 s.
    public var commandDeadline: UInt64 = 30_000_000_000
    /// Between two blocks of message data (RFC 5321 §4.5.3.2.5); default 3 min.
    public var dataBlock: UInt64 = 180_000_000_000
    /// A whole TLS handshake; default 10 s.
    public var tlsHandshake: UInt64 = 10_000_000_000
    /// A whole PROXY header; default 5 s.
    public var proxyHeader: UInt64 = 5_000_000_000

    public init() {}
}

/// Waiting for the backend; all in nanoseconds.
public struct BackendTimeouts: Sendable, Hashable {
    /// A TCP connection; default 10 s.
    public var connect: UInt64 = 10_000_000_000
    /// The greeting, and the TLS handshake before or after it (RFC 5321 §4.5.3.2.1); default 30 s.
    public var greeting: UInt64 = 30_000_000_000
    /// The reply to a command other than end-of-data (RFC 5321 §4.5.3.2.2 to 4); default 5 min.
    public var reply: UInt64 = 300_000_000_000
    /// A block of message data to be taken (RFC 5321 §4.5.3.2.5); default 3 min.
    public var dataBlock: UInt64 = 180_000_000_000
    /// The reply to end-of-data (RFC 5321 §4.5.3.2.6); default 10 min.
    public var endOfData: UInt64 = 600_000_000_000

    public init() {}
}
