public import Bytes
public import Diagnostics

/// One entry of `backends:`.
public struct BackendPlan: Sendable, Hashable {
    public var name: String
    /// The place of its name.
    @Incidental public var range: SourceRange
    /// Never empty.
    public var servers: [ServerAddress]
    public var identity: Identity
    public var auth: Auth
    /// The domain that completes a login without `@`.
    public var realm: String?
    /// Sessions at one server.
    public var maxSessions: Int
    public var tls: TLSMode
    /// Whether the server's certificate is verified; means nothing without TLS.
    public var verify: Bool
    /// The name that the certificate must have; else the server's host name.
    public var tlsName: String?
    /// What the certificate must lead to; else the system's authorities.
    public var ca: PlannedPath?

    /// How the backend learns who the client is.
    public enum Identity: String, Sendable, Hashable, CaseIterable {
        case xclient
        case proxyV2 = "proxy-v2"
        case proxyV1 = "proxy-v1"
        case none
    }

    /// Who judges logins.
    public enum Auth: Sendable, Hashable {
        /// Nobody: AUTH is never offered, relayed or accepted.
        case none
        /// The backend; its exchange is relayed.
        case relay
    }
}

/// A server as the file names it.
public struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    public enum Host: Sendable, Hashable {
        case address(IPAddress)
        /// A DNS name, lower-cased, resolved when the process starts.
        case name(String)
    }

    public var host: Host
    public var port: UInt16
    @Incidental public var range: SourceRange

    /// A loopback address, or `localhost` (RFC 6761 §6.3).
    public var isLoopback: Bool {
        switch host {
        case .address(let address): address.isLoopback
        case .name(let name): name == "localhost"
        }
    }

    /// `host:port`, an IPv6 address in brackets.
    public var description: String {
        switch host {
        case .address(let address): Endpoint(address: address, port: port).description
        case .name(let name): "\(name):\(port)"
        }
    }
}
