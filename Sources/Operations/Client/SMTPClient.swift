public import Bytes
import Glibc
public import Reactor
public import SMTPWire
public import TLSTransport

/// Why a conversation with a server ended early.
public enum SMTPClientError: Error, Sendable, Equatable, CustomStringConvertible {
    case timeout
    /// The server closed the connection.
    case closed
    case network(Errno)
    case transport(TransportError)
    case malformedReply(ReplyParser.Fault)
    /// The server sent something behind its 220 to STARTTLS.
    case plaintextBehindSTARTTLS

    public var description: String {
        switch self {
        case .timeout: "no answer in time"
        case .closed: "connection closed"
        case .network(let error): error.description
        case .transport(let error): error.description
        case .malformedReply(let fault): "malformed reply (\(fault))"
        case .plaintextBehindSTARTTLS: "data received behind the reply to STARTTLS"
        }
    }
}

/// A small SMTP client for demonstrations and tests: every call waits for its result.
///
/// It sends what it is told, also what no good client would send. Belongs to one thread. Certificates are not verified.
public final class SMTPClient {
    private let loop: EventLoop
    private let waker = Waker()
    private let registration: Registration
    private let patience: UInt64
    private var transport: Transport
    private var input: InputBuffer
    private var output: OutputBuffer
    private var parser = ReplyParser()

    /// Connects; `patience` is nanoseconds for this and for each later wait.
    public init(to endpoint: Endpoint, patience: UInt64 = 20_000_000_000) throws(SMTPClientError) {
        self.patience = patience
        let pool = BufferPool()
        input = InputBuffer(pool: pool)
        output = OutputBuffer(pool: pool)
        do throws(Errno) {
            loop = try EventLoop()
            transport = Transport(try Socket.connect(to: endpoint))
            registration = try loop.register(transport.rawValue, waker)
        } catch {
            throw .network(error)
        }
        let deadline = Instant.current() + patience
        while !waker.seen.contains(.writable) { try wait(until: deadline) }
        if let error = transport.pendingError() { throw .network(error) }
    }

    /// Our own end of the connection.
    public var localEndpoint: Endpoint? { transport.localEndpoint }

    /// Closes; later calls throw.
    public func close() {
        loop.deregister(registration, closing: true)
        transport.close()
    }
}

/// Takes note of events, for the thread that turns the loop.
private final class Waker: EventHandler {
    var seen: Readiness = []

    func ready(_ readiness: Readiness, tag: UInt32) {
        seen.formUnion(readiness)
    }
}

// MARK: Talking

extension SMTPClient {
    /// The next reply.
    public func reply() throws(SMTPClientError) -> Reply {
        let deadline = Instant.current() + patience
        while true {
            switch parser.next(&input) {
            case .reply(let reply): return reply
            case .malformed(let fault): throw .malformedReply(fault)
            case .incomplete: try receive(deadline)
            }
        }
    }

    /// Sends `line` and CRLF, and returns the reply.
    public func command(_ line: String) throws(SMTPClientError) -> Reply {
        try send(Array((line + "\r\n").utf8))
        return try reply()
    }

    /// Sends octets as they are.
    public func send(_ bytes: [UInt8]) throws(SMTPClientError) {
        output.append(bytes)
        let deadline = Instant.current() + patience
        while !output.isEmpty {
            switch transport.write(from: &output) {
            case .bytes: continue
            case .wouldBlock: try wait(until: deadline)
            case .endOfStream: throw .closed
            case .failed(let error): throw .transport(error)
            }
        }
    }

    /// Whether the server has closed; waits for that or for octets of it.
    public func isClosed() throws(SMTPClientError) -> Bool {
        do throws(SMTPClientError) {
            try receive(Instant.current() + patience)
            return false
        } catch .closed {
            return true
        }
    }

    /// Shakes hands; `serverName` is sent as SNI.
    public func startTLS(serverName: String) throws(SMTPClientError) -> TLSInfo {
        guard let drained = input.plaintextDrained() else { throw .plaintextBehindSTARTTLS }
        do throws(TransportError) {
            var options = ClientTLSOptions()
            options.verify = false
            try transport.startTLS(drained, client: ClientTLSContext(options), peer: .name(serverName))
        } catch {
            throw .transport(error)
        }
        let deadline = Instant.current() + patience
        while true {
            switch transport.handshake() {
            case .done(let info): return info
            case .wouldBlock: try wait(until: deadline)
            case .failed(let error): throw .transport(error)
            }
        }
    }
}

// MARK: Waiting

extension SMTPClient {
    private func receive(_ deadline: Instant) throws(SMTPClientError) {
        while true {
            switch transport.read(into: &input) {
            case .bytes: return
            case .wouldBlock: try wait(until: deadline)
            case .endOfStream: throw .closed
            case .failed(let error) where error.code == .connectionReset: throw .closed
            case .failed(let error): throw .transport(error)
            }
        }
    }

    private func wait(until deadline: Instant) throws(SMTPClientError) {
        let left = deadline.since(.current())
        guard left > 0 else { throw .timeout }
        waker.seen = []
        loop.turn(atMost: Int32(clamping: left / 1_000_000 + 1))
        transport.ready(waker.seen)
    }
}
