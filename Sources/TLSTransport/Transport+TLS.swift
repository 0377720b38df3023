public import Bytes
import COpenSSL
import Glibc
import Reactor

// MARK: Beginning

extension Transport {
    /// Begins TLS as the server; then call `handshake` until it is done.
    ///
    /// The proof says that no plaintext waits unread: after STARTTLS, or on a fresh connection for implicit TLS.
    public mutating func startTLS(
        _ proof: consuming PlaintextDrained, server: ServerTLSContext
    ) throws(TransportError) {
        _ = consume proof
        let ssl = try begin(server.main, keeping: server)
        SSL_set_accept_state(ssl)
    }

    /// Begins TLS as the client of a backend that must be `peer` if the context verifies.
    ///
    /// A `session` that was made with another context or for another name is left aside.
    public mutating func startTLS(
        _ proof: consuming PlaintextDrained, client: ClientTLSContext, peer: ExpectedPeer?,
        resuming session: TLSSession? = nil
    ) throws(TransportError) {
        _ = consume proof
        let ssl = try begin(client.pointer, keeping: client)
        SSL_set_connect_state(ssl)
        do throws(TransportError) {
            try client.expect(peer, on: ssl)
        } catch {
            state = .broken
            throw error
        }
        if let session, session.isGood(for: client, peer) { SSL_set_session(ssl, session.pointer) }
    }

    private mutating func begin(_ pointer: OpaquePointer, keeping context: AnyObject) throws(TransportError)
        -> OpaquePointer
    {
        guard case .plain = state else {
            throw TransportError(.environment, .setup, "TLS was begun already")
        }
        ERR_clear_error()
        guard let ssl = SSL_new(pointer) else {
            throw TransportError(.environment, .setup, OpenSSLError.take().text)
        }
        guard SSL_set_fd(ssl, socket.rawValue) == 1 else {
            SSL_free(ssl)
            throw TransportError(.environment, .setup, OpenSSLError.take().text)
        }
        self.ssl = ssl
        self.context = context
        state = .handshaking
        return ssl
    }
}

// MARK: Handshake

extension Transport {
    /// Goes on with the handshake as far as it can without blocking.
    public mutating func handshake() -> HandshakeResult {
        guard let ssl, state == .handshaking else { return .failed(Self.notHandshaking) }
        clearErrors()
        let code = SSL_do_handshake(ssl)
        if code == 1 {
            state = .established
            // What the peer sent behind its last handshake message may be inside OpenSSL, for which no event comes.
            mayRead = true
            return .done(TLSInfo(ssl))
        }
        switch outcome(of: code, ssl) {
        case .wantsRead, .wantsWrite: return .wouldBlock
        case .ended:
            state = .broken
            return .failed(TransportError(.peer, .connectionClosed, "the peer closed during the handshake"))
        case .failed(let error):
            state = .broken
            return .failed(error)
        }
    }

    /// What a later connection to the same server can resume; nil before a ticket has arrived (TLS 1.3 sends it
    /// after the handshake, so read first).
    public func session() -> TLSSession? {
        guard let ssl, state == .established, let client = context as? ClientTLSContext,
            let session = SSL_get1_session(ssl)
        else { return nil }
        guard SSL_SESSION_is_resumable(session) == 1 else {
            SSL_SESSION_free(session)
            return nil
        }
        let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
        return TLSSession(owning: session, from: client, serverName: name)
    }

    /// Lets a TLS 1.3 client have a ticket, which leaves ahead of the next write; without TLS it does nothing.
    public mutating func grantTicket() {
        guard let ssl, state == .established, SSL_is_server(ssl) == 1 else { return }
        ERR_clear_error()
        // Earlier versions send theirs inside the handshake and refuse this.
        if SSL_new_session_ticket(ssl) != 1 { ERR_clear_error() }
    }

    private static let notHandshaking = TransportError(.environment, .setup, "no handshake is under way")
}

// MARK: Moving bytes

extension Transport {
    mutating func readTLS(_ input: inout InputBuffer) -> IOResult<TransportError> {
        if input.isFull { return .bytes(0) }
        guard let ssl, readAwaitsWrite ? mayWrite : mayRead else { return .wouldBlock }
        readAwaitsWrite = false
        clearErrors()
        var code: Int32 = 0
        let count = input.fill { room in
            var count = 0
            code = SSL_read_ex(ssl, room.baseAddress, room.count, &count)
            return code == 1 ? count : 0
        }
        if code == 1 { return .bytes(count) }
        switch outcome(of: code, ssl) {
        case .wantsRead:
            mayRead = false
            return .wouldBlock
        case .wantsWrite:
            (mayWrite, readAwaitsWrite) = (false, true)
            return .wouldBlock
        case .ended: return .endOfStream
        case .failed(let error): return fail(error)
        }
    }

    mutating func writeTLS(_ output: inout OutputBuffer, isLast: Bool) -> IOResult<TransportError> {
        // The last reply, close_notify and FIN leave together.
        if isLast, !output.isEmpty { socket.holdUntilClose() }
        let result = writeTLS(output.pending)
        if case .bytes(let count) = result { output.consume(count) }
        return result
    }

    mutating func writeTLS(_ octets: RawSpan) -> IOResult<TransportError> {
        if octets.byteCount == 0 { return .bytes(0) }
        guard let ssl, writeAwaitsRead ? mayRead : mayWrite else { return .wouldBlock }
        writeAwaitsRead = false
        clearErrors()
        var count = 0
        let code = octets.withUnsafeBytes { SSL_write_ex(ssl, $0.baseAddress, $0.count, &count) }
        if code == 1 { return .bytes(count) }
        switch outcome(of: code, ssl) {
        case .wantsWrite:
            mayWrite = false
            return .wouldBlock
        case .wantsRead:
            (mayRead, writeAwaitsRead) = (false, true)
            return .wouldBlock
        case .ended: return fail(TransportError(.peer, .connectionClosed, "the peer has closed the TLS session"))
        case .failed(let error): return fail(error)
        }
    }

    /// Both are consulted afterwards and neither is emptied by a success: an older failure would be taken for this one.
    @inline(__always)
    private func clearErrors() {
        ERR_clear_error()
        errno = 0
    }

    private enum Outcome {
        case wantsRead
        case wantsWrite
        case ended
        case failed(TransportError)
    }

    private func outcome(of code: Int32, _ ssl: OpaquePointer) -> Outcome {
        let systemError = Errno.last
        switch SSL_get_error(ssl, code) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case SSL_ERROR_ZERO_RETURN: return .ended
        case SSL_ERROR_SYSCALL:
            ERR_clear_error()
            return systemError.code == 0 ? .ended : .failed(TransportError(systemError))
        default:
            return .failed(OpenSSLError.take().transportError(verification: SSL_get_verify_result(ssl)))
        }
    }
}
