import COpenSSL

/// An `SSL_CTX` under construction, freed unless somebody takes it; what servers and clients have in common.
final class ContextHandle {
    /// RFC 9325 section 4.2 and Mozilla's intermediate list: forward secrecy and AEAD only.
    static let modernCiphers = """
        ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
        ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
        """

    /// For those who allow TLS 1.0 or 1.1, which know no AEAD and sign with SHA-1.
    static let ancientCiphers = """
        :ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:\
        AES128-SHA:AES256-SHA:@SECLEVEL=0
        """

    let pointer: OpaquePointer
    private var isTaken = false

    init(_ method: OpaquePointer?, minimum: TLSVersion) throws(TransportError) {
        ERR_clear_error()
        guard let pointer = SSL_CTX_new(method) else {
            throw TransportError(.environment, .setup, OpenSSLError.take().text)
        }
        self.pointer = pointer
        try configure(minimum)
    }

    deinit {
        if !isTaken { SSL_CTX_free(pointer) }
    }

    func take() -> OpaquePointer {
        isTaken = true
        return pointer
    }

    private func configure(_ minimum: TLSVersion) throws(TransportError) {
        let ciphers = Self.modernCiphers + (minimum < .tls12 ? Self.ancientCiphers : "")
        guard reeve_ctx_set_min_version(pointer, minimum.rawValue) == 1,
            SSL_CTX_set_cipher_list(pointer, ciphers) == 1, setGroups()
        else { throw TransportError(.environment, .setup, OpenSSLError.take().text) }
        // SMTP marks its own ends (RFC 5321 section 4.1.1.10), so a missing close_notify cuts nothing off unseen.
        SSL_CTX_set_options(pointer, Options.noCompression | Options.ignoreUnexpectedEOF)
        let mode = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS
        reeve_ctx_set_mode(pointer, Int(mode))
        reeve_ctx_set_read_ahead(pointer, 0)
        SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, _ in 0 }
    }

    /// The hybrid group is known from OpenSSL 3.5 on; an unknown name fails the whole list.
    private func setGroups() -> Bool {
        if reeve_ctx_set_groups(pointer, "X25519MLKEM768:X25519:P-256:P-384") == 1 { return true }
        ERR_clear_error()
        return reeve_ctx_set_groups(pointer, "X25519:P-256:P-384") == 1
    }
}

extension ContextHandle {
    /// Adds a chain and its key.
    func load(_ files: CertificateFiles) throws(TransportError) {
        ERR_clear_error()
        guard SSL_CTX_use_certificate_chain_file(pointer, files.chain) == 1 else {
            throw TransportError(.operator, .certificateUnreadable, "\(files.chain): \(OpenSSLError.take().text)")
        }
        guard SSL_CTX_use_PrivateKey_file(pointer, files.key, SSL_FILETYPE_PEM) == 1 else {
            let error = OpenSSLError.take()
            let isMismatch = reeve_err_lib(error.number) == ERR_LIB_X509 && error.reason == X509_R_KEY_VALUES_MISMATCH
            throw isMismatch
                ? mismatch(files) : TransportError(.operator, .keyUnreadable, "\(files.key): \(error.text)")
        }
        guard SSL_CTX_check_private_key(pointer) == 1 else {
            ERR_clear_error()
            throw mismatch(files)
        }
    }

    private func mismatch(_ files: CertificateFiles) -> TransportError {
        TransportError(.operator, .keyMismatch, "the key in \(files.key) is not that of \(files.chain)")
    }
}

/// `SSL_OP_BIT` values, which are macros of macros.
enum Options {
    static let noCompression: UInt64 = 1 << 17
    static let noRenegotiation: UInt64 = 1 << 30
    static let ignoreUnexpectedEOF: UInt64 = 1 << 7
    static let enableKTLS: UInt64 = 1 << 3
}
