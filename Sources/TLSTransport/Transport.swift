public import Bytes
import COpenSSL
import Glibc
public import Reactor

/// How a step of a handshake ended.
public enum HandshakeResult: Sendable, Equatable {
    case done(TLSInfo)
    /// Call again after the next event.
    case wouldBlock
    /// The connection is of no more use: close it.
    case failed(TransportError)
}

/// One connection, in clear or under TLS, nonblocking.
///
/// Its owner passes every event of the descriptor to `ready` and then calls `read` and `write` (or `handshake`) until
/// they would block, or asks for `EventLoop.again` when it stops earlier: bytes may wait inside OpenSSL, for which no
/// event will come. It remembers which direction is exhausted, so that a read after a short read, or a write after a
/// partial one, costs no system call; and under TLS it remembers that a read waits for room to write, or the reverse.
/// Used by one thread at a time.
public struct Transport: ~Copyable {
    @usableFromInline enum State {
        case plain
        case handshaking
        case established
        /// After a fatal error or `close`: OpenSSL must not be asked for anything again.
        case broken
    }

    var socket: Socket
    var ssl: OpaquePointer?
    /// Keeps the context alive that callbacks of `ssl` look into.
    var context: AnyObject?
    @usableFromInline var state = State.plain
    /// Nothing said that the kernel has no more to give, or no more room.
    @usableFromInline var mayRead = true
    var mayWrite = true
    /// FIN was announced: all that the peer has sent is in the kernel, and no edge will repeat it.
    @usableFromInline var sawEnd = false
    /// An error was announced: reads go on until they meet it.
    var sawError = false
    var readAwaitsWrite = false
    var writeAwaitsRead = false

    public init(_ socket: consuming Socket) {
        self.socket = socket
    }

    /// A transport of nothing: every read and write fails.
    public static func none() -> Transport {
        var transport = Transport(Socket(FileDescriptor(owning: -1)))
        transport.state = .broken
        return transport
    }

    deinit {
        free()
    }

    /// The descriptor, for `EventLoop.register`; -1 after `close`.
    public var rawValue: Int32 { socket.rawValue }

    /// TLS was begun, whether or not its handshake is done.
    public var isTLS: Bool { ssl != nil }

    public var localEndpoint: Endpoint? { socket.localEndpoint }
    public var peerEndpoint: Endpoint? { socket.peerEndpoint }

    /// See `Socket.pendingError`: how a connection attempt ended.
    public func pendingError() -> Errno? { socket.pendingError() }

    /// See `Socket.peek`; only before TLS.
    public func peek(_ limit: Int) throws(Errno) -> [UInt8] { try socket.peek(limit) }

    /// See `Socket.skip`; only before TLS.
    public func skip(_ count: Int) throws(Errno) { try socket.skip(count) }

    /// False as long as a read would only say that it would block: what asks after every event asks this first.
    @inlinable
    public var isWorthReading: Bool { mayRead || sawEnd || state != .plain }

    /// Takes note of an event; every event must come here.
    @inlinable
    public mutating func ready(_ readiness: Readiness) {
        note(readiness)
    }

    @usableFromInline
    mutating func note(_ readiness: Readiness) {
        if !readiness.isDisjoint(with: [.hangup, .error]) {
            if readiness.contains(.error) { sawError = true } else { sawEnd = true }
            mayRead = true
            mayWrite = true
        }
        if readiness.contains(.readable) { mayRead = true }
        if readiness.contains(.writable) { mayWrite = true }
    }
}

// MARK: Moving bytes

extension Transport {
    /// Reads once, straight into the free space of `input`.
    ///
    /// `.bytes(0)` means that the buffer was full and nothing was tried. While a handshake runs it would block.
    public mutating func read(into input: inout InputBuffer) -> IOResult<TransportError> {
        switch state {
        case .plain: readPlain(&input)
        case .established: readTLS(&input)
        case .handshaking: .wouldBlock
        case .broken: .failed(Self.closed)
        }
    }

    /// Writes once from `output` and consumes what was taken; `.bytes(0)` means that there was nothing to write.
    ///
    /// After `.wouldBlock` the same bytes must still be first in `output` at the next call (TLS has sealed some).
    ///
    /// `isLast` says that `close` or `shutdownWrite` follows as soon as all is written.
    public mutating func write(
        from output: inout OutputBuffer, isLast: Bool = false
    ) -> IOResult<TransportError> {
        switch state {
        case .plain: writePlain(&output, isLast: isLast)
        case .established: writeTLS(&output, isLast: isLast)
        case .handshaking: output.isEmpty ? .bytes(0) : .wouldBlock
        case .broken: .failed(Self.closed)
        }
    }

    /// Writes once from the first `count` octets of `input`, which its owner then consumes as far as they were taken.
    ///
    /// After `.wouldBlock` the same octets must still be first in `input` at the next call.
    public mutating func write(first count: Int, of input: borrowing InputBuffer) -> IOResult<TransportError> {
        switch state {
        case .plain:
            guard mayWrite else { return .wouldBlock }
            let result = socket.write(first: count, of: input)
            return wrote(result, all: count)
        case .established: return writeTLS(input.unread.extracting(first: count))
        case .handshaking: return .wouldBlock
        case .broken: return .failed(Self.closed)
        }
    }

    static let closed = TransportError(.environment, .connectionClosed, "the connection was closed here")

    private mutating func readPlain(_ input: inout InputBuffer) -> IOResult<TransportError> {
        if input.isFull { return .bytes(0) }
        guard mayRead else { return sawEnd && !sawError ? .endOfStream : .wouldBlock }
        var isDrained = false
        switch socket.read(into: &input, isDrained: &isDrained) {
        case .bytes(let n):
            if isDrained && !sawError { mayRead = false }
            return .bytes(n)
        case .wouldBlock:
            mayRead = false
            return .wouldBlock
        case .endOfStream: return .endOfStream
        case .failed(let error): return fail(TransportError(error))
        }
    }

    private mutating func writePlain(_ output: inout OutputBuffer, isLast: Bool) -> IOResult<TransportError> {
        if output.isEmpty { return .bytes(0) }
        guard mayWrite else { return .wouldBlock }
        let count = output.count
        return wrote(socket.write(from: &output, isLast: isLast), all: count)
    }

    /// A partial write means that the kernel has no more room.
    private mutating func wrote(_ result: IOResult<Errno>, all count: Int) -> IOResult<TransportError> {
        switch result {
        case .bytes(let n):
            if n < count { mayWrite = false }
            return .bytes(n)
        case .wouldBlock:
            mayWrite = false
            return .wouldBlock
        case .endOfStream: return .endOfStream
        case .failed(let error): return fail(TransportError(error))
        }
    }

    mutating func fail(_ error: TransportError) -> IOResult<TransportError> {
        state = .broken
        return .failed(error)
    }
}

// MARK: Ending

extension Transport {
    /// Says goodbye (close_notify under TLS, if it can be sent at once) and closes.
    ///
    /// Never blocks; twice is harmless.
    ///
    /// Call `EventLoop.deregister(_:closing: true)` first.
    public mutating func close() {
        sayGoodbye()
        release()
    }

    /// Closes with RST, dropping what is unsent.
    public mutating func abort() {
        socket.abortOnClose()
        release()
    }

    /// Tells the peer that nothing more comes (close_notify, FIN) and goes on reading.
    public mutating func shutdownWrite() {
        sayGoodbye()
        socket.shutdownWrite()
    }

    private func sayGoodbye() {
        guard let ssl, state == .established else { return }
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
        ERR_clear_error()
    }

    /// A session that was cut off without close_notify can still be resumed (RFC 8446 section 6.1); OpenSSL would
    /// spoil it.
    fileprivate func free() {
        guard let ssl else { return }
        if state == .established { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        SSL_free(ssl)
    }

    private mutating func release() {
        free()
        ssl = nil
        context = nil
        state = .broken
        socket = Socket(FileDescriptor(owning: -1))
    }
}
