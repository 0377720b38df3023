public import Bytes
public import Diagnostics
public import Policy
public import PolicyLanguage

/// One entry of `listeners:`.
public struct ListenerPlan: Sendable, Hashable {
    public var name: String
    /// The place of its name.
    @Incidental public var range: SourceRange
    public var binding: Binding
    public var tls: TLSMode
    /// The name of a backend that exists; nil where every session has a server of its own, the one that it was meant for.
    public var backend: String?
    /// In the order in which they are asked; never empty.
    public var policies: [PolicyReference]
    /// From these addresses a PROXY header is required.
    public var proxyFrom: [AddressPrefix]
    /// Whether a session without a PROXY header is refused.
    public var proxyRequired: Bool
    public var protocolLimits: ProtocolLimits
    public var timeouts: Timeouts
    public var tlsOptions: TLSOptions

    /// What it accepts connections from.
    public enum Binding: Sendable, Hashable {
        /// Addresses to bind; an IPv6 one takes IPv6 only. Port 0 lets the kernel choose (tests, `demo`).
        case endpoints([PlannedEndpoint])
        /// A socket of that name that systemd holds.
        case socket(PlannedSocket)
        /// Sockets of the firewall's helper, for sessions that were meant for others.
        case intercepted(ExplanationPlan)
    }

    /// Whether it serves sessions that were meant for others.
    public var intercepts: Bool { explanation != nil }

    /// What hosts of zones with `mode: explain` are told; nil for a listener that does not intercept.
    public var explanation: ExplanationPlan? {
        if case .intercepted(let explanation) = binding { explanation } else { nil }
    }

    /// The addresses to bind; none for a socket that systemd holds.
    public var endpoints: [PlannedEndpoint] {
        switch binding {
        case .endpoints(let endpoints): endpoints
        case .socket, .intercepted: []
        }
    }
}

/// The lines of a refusal that explains.
public struct ExplanationPlan: Sendable, Hashable {
    /// Printable ASCII; never empty.
    public var lines: [String]

    /// Where the file gives no text.
    static let standardText = [
        "Mail servers cannot be reached directly from your network.",
        "Let your mail program log in to your provider, on port 465 or 587.",
    ]
}

/// An address to bind and the place that names it.
public struct PlannedEndpoint: Sendable, Hashable {
    public var endpoint: Endpoint
    @Incidental public var range: SourceRange
}

/// A socket that systemd holds and the place that names it.
public struct PlannedSocket: Sendable, Hashable {
    /// Its FileDescriptorName=.
    public var name: String
    @Incidental public var range: SourceRange
}

/// When TLS begins on a connection.
public enum TLSMode: String, Sendable, Hashable, CaseIterable {
    /// Before the first octet of SMTP (RFC 8314 §3).
    case implicit
    /// After STARTTLS (RFC 3207).
    case starttls
    case none
}

/// A policy that a listener names.
public struct PolicyReference: Sendable, Hashable {
    public var policy: LoadedPolicy
    /// The place that names it, or the listener's where it is the port's default.
    @Incidental public var range: SourceRange
}

/// `tls:`, or a listener's `tls_options:`.
public struct TLSOptions: Sendable, Hashable {
    public enum Version: String, Sendable, Hashable, CaseIterable {
        case tls12 = "TLS1.2"
        case tls13 = "TLS1.3"
    }

    public enum ClientCertificates: String, Sendable, Hashable, CaseIterable { case none, request, require }

    /// Default TLS1.2 (RFC 8996 forbids older ones).
    public var minVersion = Version.tls12
    /// Default none.
    public var clientCertificates = ClientCertificates.none
    /// What client certificates must lead to; there unless they are not asked for.
    public var ca: PlannedPath?

    public init() {}
}

/// One entry of `certificates:`.
public struct CertificatePlan: Sendable, Hashable {
    /// The SNI names it is for, lower-cased; `*.` may stand for one label.
    public var names: [String]
    /// PEM, leaf first.
    public var chain: PlannedPath
    /// PEM, without a pass phrase.
    public var key: PlannedPath
}
