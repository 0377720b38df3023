import COpenSSL
import Glibc

/// A certificate chain and its key, and the names they are shown for.
public struct CertificateFiles: Sendable, Equatable {
    /// Host names, `*.` allowed as the first label; empty means those that the certificate itself carries.
    public var names: [String]
    /// PEM, the leaf first.
    public var chain: String
    /// PEM, unencrypted.
    public var key: String

    public init(names: [String] = [], chain: String, key: String) {
        self.names = names
        self.chain = chain
        self.key = key
    }
}

/// How a listener speaks TLS.
public struct ServerTLSOptions: Sendable {
    public enum ClientCertificates: Sendable, Equatable {
        case none
        /// Asked for; a bad chain goes on as unverified. `ca` is a PEM file.
        case request(ca: String)
        /// Asked for; without a good one the handshake fails.
        case require(ca: String)
    }

    public var minimumVersion = TLSVersion.tls12
    public var clientCertificates = ClientCertificates.none
    /// Hands the record layer to the kernel where it can (one more system call per handshake where it cannot).
    public var kernelTLS = false
    /// TLS 1.3 clients get a ticket only by `Transport.grantTicket`, so that those who are refused cost none.
    public var ticketsOnGrant = false

    public init() {}
}

/// All that a listener's handshakes need: certificates by name, versions, ciphers, tickets.
///
/// Immutable once made, so a reload makes a new one off the loop and swaps it; connections keep the one that they began
/// with. Any thread may use it; one per worker and listener keeps the reference count of `SSL_CTX` out of the way.
public final class ServerTLSContext: @unchecked Sendable {
    /// What is shown to clients, the default first.
    public let certificates: [CertificateSummary]

    let ticketKeys: TicketKeys
    /// The context of the default certificate, where every handshake begins.
    let main: OpaquePointer
    private let contexts: [OpaquePointer]
    /// By lower-case name; `*.example.org` stands for one label in front.
    private let byName: [String: OpaquePointer]

    /// Reads and checks every certificate; the first is the default.
    ///
    /// Entries with the same names share them, so that an RSA and an ECDSA certificate of one name are both offered.
    ///
    /// An expired certificate is not an error: `certificates` tells.
    public init(
        certificates files: [CertificateFiles], options: ServerTLSOptions = ServerTLSOptions(), ticketKeys: TicketKeys
    ) throws(TransportError) {
        guard !files.isEmpty else { throw TransportError(.operator, .noCertificate, "no certificate is configured") }
        var contexts: [ContextHandle] = []
        var groups: [[String]] = []
        var byName: [String: OpaquePointer] = [:]
        var summaries: [CertificateSummary] = []
        for file in files {
            let known = file.names.isEmpty ? nil : groups.firstIndex(of: file.names)
            let context = if let known { contexts[known] } else { try Self.makeContext(options, ticketKeys) }
            try context.load(file)
            let summary = try CertificateSummary(loadedIn: context.pointer, file)
            summaries.append(summary)
            for name in file.names.isEmpty ? summary.names : file.names where byName[name.lowercased()] == nil {
                byName[name.lowercased()] = context.pointer
            }
            guard known == nil else { continue }
            contexts.append(context)
            groups.append(file.names)
        }
        self.certificates = summaries
        self.ticketKeys = ticketKeys
        self.byName = byName
        self.contexts = contexts.map { $0.take() }
        self.main = self.contexts[0]
        let this = Unmanaged.passUnretained(self).toOpaque()
        for context in self.contexts { SSL_CTX_set_ex_data(context, 0, this) }
    }

    deinit {
        contexts.forEach { SSL_CTX_free($0) }
    }

    /// The context that `ssl` was made from; the connection keeps it alive.
    static func of(_ ssl: OpaquePointer) -> ServerTLSContext? {
        guard let data = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0) else { return nil }
        return Unmanaged<ServerTLSContext>.fromOpaque(data).takeUnretainedValue()
    }

    /// The certificate for `name`: its own, else a wildcard's with one label in front, else nil.
    func context(for name: String) -> OpaquePointer? {
        let name = name.lowercased()
        if let exact = byName[name] { return exact }
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
        return byName["*" + name[dot...]]
    }
}

// MARK: Making an SSL_CTX

extension ServerTLSContext {
    private static func makeContext(
        _ options: ServerTLSOptions, _ keys: TicketKeys
    ) throws(TransportError) -> ContextHandle {
        let context = try ContextHandle(TLS_server_method(), minimum: options.minimumVersion)
        let pointer = context.pointer
        SSL_CTX_set_options(pointer, Options.noRenegotiation)
        if options.kernelTLS { SSL_CTX_set_options(pointer, Options.enableKTLS) }
        reeve_ctx_set_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
        SSL_CTX_set_num_tickets(pointer, options.ticketsOnGrant ? 0 : 1)
        // A record's header and body in one read; the kernel's own record layer wants them apart.
        reeve_ctx_set_read_ahead(pointer, options.kernelTLS ? 0 : 1)
        SSL_CTX_set_timeout(pointer, TicketKeys.lifetime)
        SSL_CTX_set_max_early_data(pointer, 0)
        guard
            SSL_CTX_set_session_id_context(pointer, keys.sessionContext, UInt32(keys.sessionContext.count)) == 1,
            SSL_CTX_set_tlsext_ticket_key_evp_cb(pointer, ticketCallback) == 1
        else { throw TransportError(.environment, .setup, OpenSSLError.take().text) }
        reeve_ctx_set_servername_callback(pointer, serverNameCallback, nil)
        SSL_CTX_set_alpn_select_cb(pointer, applicationProtocolCallback, nil)
        try askForCertificates(pointer, options.clientCertificates)
        return context
    }

    private static func askForCertificates(
        _ context: OpaquePointer, _ wanted: ServerTLSOptions.ClientCertificates
    ) throws(TransportError) {
        switch wanted {
        case .none:
            SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
        case .request(let ca):
            try trust(ca, in: context)
            // Whatever is wrong with the chain stays in the verify result, and the session goes on.
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER) { _, _ in 1 }
        case .require(let ca):
            try trust(ca, in: context)
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
    }

    private static func trust(_ ca: String, in context: OpaquePointer) throws(TransportError) {
        ERR_clear_error()
        guard SSL_CTX_load_verify_file(context, ca) == 1, let names = SSL_load_client_CA_file(ca) else {
            throw TransportError(.operator, .clientCAUnreadable, "\(ca): \(OpenSSLError.take().text)")
        }
        SSL_CTX_set_client_CA_list(context, names)
    }
}

// MARK: Callbacks

/// Chooses the certificate by the client's SNI; an unknown name gets the default one.
private func serverNameCallback(
    _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let ssl, let text = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name), strnlen(text, 256) < 256,
        let context = ServerTLSContext.of(ssl)?.context(for: String(cString: text))
    else { return SSL_TLSEXT_ERR_NOACK }
    SSL_set_SSL_CTX(ssl, context)
    return SSL_TLSEXT_ERR_OK
}

/// Agrees on `smtp` where the client's list has it.
///
/// Any other list is a client of another protocol that was led here (ALPACA): alert 120, RFC 7301 section 3.2. A client
/// without a list is served.
private func applicationProtocolCallback(
    _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenLength: UnsafeMutablePointer<UInt8>?, _ list: UnsafePointer<UInt8>?, _ length: UInt32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    let offered = UnsafeBufferPointer(start: list, count: list == nil ? 0 : Int(length))
    var at = 0
    while at < offered.count {
        let size = Int(offered[at])
        guard size > 0, at + 1 + size <= offered.count else { break }
        let name = UnsafeBufferPointer(rebasing: offered[(at + 1)..<(at + 1 + size)])
        if name.elementsEqual("smtp".utf8) {
            chosen?.pointee = name.baseAddress
            chosenLength?.pointee = UInt8(size)
            return SSL_TLSEXT_ERR_OK
        }
        at += 1 + size
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}
