/// The shared store of `state:`.
public struct RedisPlan: Sendable, Hashable {
    /// Never empty: the one of the URL, then those of `servers`.
    public var servers: [ServerAddress]
    public var database: Int
    public var user: String?
    public var password: Password?
    /// Nil without TLS.
    public var tls: TLS?

    public enum Password: Sendable, Hashable {
        case given(Secret)
        /// Its first line is the password.
        case file(PlannedPath)
    }

    public struct TLS: Sendable, Hashable {
        /// What the certificate must be for; else the server's name or address.
        public var name: String?
        /// What the certificate must lead to; else the system's authorities.
        public var ca: PlannedPath?
    }
}

/// Text that is never printed.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public let octets: [UInt8]

    public init(_ octets: [UInt8]) {
        self.octets = octets
    }

    public var description: String { "(secret)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
