public import Policy

/// Proof that the client's connection is inside TLS.
///
/// Only `ClientMachine.tlsEstablished` makes one, from a finished handshake.
public struct TLSEstablished: Equatable, Sendable {
    public let facts: TLSFacts

    init(_ facts: TLSFacts) {
        self.facts = facts
    }
}

/// Proof that the backend took the client's login.
///
/// Only `ClientMachine.authenticationEnded` makes one, from the backend's 235 and an accepting decision on it.
public struct Authenticated: Equatable, Sendable {
    /// The login in canonical form.
    public let user: [UInt8]
    public let mechanism: String

    init(user: [UInt8], mechanism: String) {
        self.user = user
        self.mechanism = mechanism
    }
}

/// What protects the client's connection.
public enum Security: Equatable, Sendable {
    case cleartext
    case tls(TLSEstablished)

    public var isTLS: Bool {
        switch self {
        case .cleartext: false
        case .tls: true
        }
    }
}
