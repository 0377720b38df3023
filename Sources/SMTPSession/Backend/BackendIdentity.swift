public import Bytes

/// How the backend learns who the client is.
public enum BackendIdentity: String, Sendable {
    case xclient
    case proxyV2 = "proxy-v2"
    case proxyV1 = "proxy-v1"
    case none

    /// Whether we write before the server greets.
    public var speaksFirst: Bool {
        switch self {
        case .proxyV2, .proxyV1: true
        case .xclient, .none: false
        }
    }
}

/// How the connection to the backend is protected.
public enum BackendTLS: String, Sendable {
    case none
    case starttls
    case implicit
}

/// The client as the backend is to see it.
public struct ClientIdentity: Equatable, Sendable {
    public var source: Endpoint
    /// The address that the client reached.
    public var destination: Endpoint
    /// A forward-confirmed host name.
    public var name: [UInt8]?
    public var helo: [UInt8]
    /// EHLO rather than HELO.
    public var isExtended: Bool

    public init(source: Endpoint, destination: Endpoint, name: [UInt8]?, helo: [UInt8], isExtended: Bool) {
        self.source = source
        self.destination = destination
        self.name = name
        self.helo = helo
        self.isExtended = isExtended
    }
}
