public import Bytes
import COpenSSL

/// How we speak TLS to a backend.
public struct ClientTLSOptions: Sendable {
    public var minimumVersion = TLSVersion.tls12
    /// Checks the chain and the name; without it the session is only encrypted.
    public var verify = true
    /// PEM file of the CAs to trust; nil is the system's.
    public var ca: String?
    /// A certificate of ours, for a backend that asks.
    public var certificate: CertificateFiles?

    public init() {}
}

/// Whose certificate is expected at the other end.
public enum ExpectedPeer: Sendable, Equatable {
    /// A host name, also sent as SNI.
    case name(String)
    case address(IPAddress)
}

/// All that handshakes with a backend need.
///
/// Immutable once made; any thread may use it.
public final class ClientTLSContext: @unchecked Sendable {
    let pointer: OpaquePointer
    let verifies: Bool

    public init(_ options: ClientTLSOptions = ClientTLSOptions()) throws(TransportError) {
        let context = try ContextHandle(TLS_client_method(), minimum: options.minimumVersion)
        verifies = options.verify
        if options.verify {
            SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER, nil)
            try Self.trust(options.ca, in: context.pointer)
        } else {
            SSL_CTX_set_verify(context.pointer, SSL_VERIFY_NONE, nil)
        }
        if let certificate = options.certificate { try context.load(certificate) }
        pointer = context.take()
    }

    deinit {
        SSL_CTX_free(pointer)
    }

    private static func trust(_ ca: String?, in context: OpaquePointer) throws(TransportError) {
        if let ca {
            guard SSL_CTX_load_verify_file(context, ca) == 1 else {
                throw TransportError(.operator, .clientCAUnreadable, "\(ca): \(OpenSSLError.take().text)")
            }
        } else if SSL_CTX_set_default_verify_paths(context) != 1 {
            throw TransportError(.environment, .setup, OpenSSLError.take().text)
        }
    }

    /// Sets SNI and the name to verify on a connection.
    func expect(_ peer: ExpectedPeer?, on ssl: OpaquePointer) throws(TransportError) {
        switch peer {
        case .name(let text) where IPAddress(text) != nil:
            // An address is no SNI (RFC 6066 section 3) and is matched against iPAddress entries.
            try expect(IPAddress(text).map { .address($0) }, on: ssl)
        case .name(let name):
            guard !name.isEmpty, name.utf8.count < 256, !name.utf8.contains(0), reeve_set_server_name(ssl, name) == 1
            else { throw TransportError(.operator, .invalidName, name) }
            guard verifies else { return }
            SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            guard SSL_set1_host(ssl, name) == 1 else { throw TransportError(.operator, .invalidName, name) }
        case .address(let address):
            guard verifies else { return }
            guard X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), address.description) == 1 else {
                throw TransportError(.operator, .invalidName, address.description)
            }
        case nil:
            // A chain without a name proves nothing.
            if verifies { throw TransportError(.operator, .invalidName, "no name to verify") }
        }
    }
}

/// What a client needs to resume a session with the same server.
///
/// A resumed session is not verified again, so it counts only for the context and the name that it was verified with.
public final class TLSSession: @unchecked Sendable {
    let pointer: OpaquePointer
    private let context: ClientTLSContext
    private let serverName: String?

    /// Takes ownership of `pointer`.
    init(owning pointer: OpaquePointer, from context: ClientTLSContext, serverName: String?) {
        self.pointer = pointer
        self.context = context
        self.serverName = serverName
    }

    deinit {
        SSL_SESSION_free(pointer)
    }

    func isGood(for context: ClientTLSContext, _ peer: ExpectedPeer?) -> Bool {
        guard context === self.context else { return false }
        guard context.verifies else { return true }
        return serverName != nil && peer == serverName.map { .name($0) }
    }
}
