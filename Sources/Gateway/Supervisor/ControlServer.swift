import Bytes
import CLinux
import Control
import Glibc
import Reactor
import TLSTransport

/// The socket file of a daemon, mode 0600; it goes with the daemon where its directory allows.
final class ControlSocket {
    let listener: Listener
    private let path: String

    /// Makes the socket, and its directory where that is missing, and gives them to `owner`.
    ///
    /// nil, with a word on stderr, when it cannot be made: the daemon serves mail without it.
    init?(path: String, owner: String?) {
        let identity = owner.flatMap(Privileges.identity)
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            let directory = String(path[..<slash])
            if mkdir(directory, 0o755) == 0, let (uid, gid) = identity { _ = chown(directory, uid, gid) }
        }
        do throws(Errno) {
            listener = try Listener(path: path)
        } catch {
            StandardError.write("portreeve: no control socket: \(path): \(error)\n")
            return nil
        }
        if let (uid, gid) = identity { _ = chown(path, uid, gid) }
        self.path = path
    }

    deinit {
        unlink(path)
    }
}

/// Answers at once or later, once.
typealias Answerer = (ControlInput, @escaping (ControlReply) -> Void) -> Void

/// Answers on the control socket: one request a connection, one line each way.
final class ControlServer: EventHandler {
    private let socket: ControlSocket
    private let loop: EventLoop
    private let answer: Answerer

    init?(_ socket: ControlSocket, loop: EventLoop, _ answer: @escaping Answerer) {
        self.socket = socket
        self.loop = loop
        self.answer = answer
        guard (try? loop.register(socket.listener.rawValue, self)) != nil else { return nil }
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        while let accepted = try? socket.listener.accept() {
            ControlConnection(Transport(accepted.takeSocket()), loop: loop, answer).start()
        }
    }
}

/// One asker.
private final class ControlConnection: EventHandler, TimerHandler {
    /// Nanoseconds that an asker gets to ask and to read the answer.
    static let patience: UInt64 = 5_000_000_000

    private var transport: Transport
    private let loop: EventLoop
    private let answer: Answerer
    private var received: [UInt8] = []
    private var input: InputBuffer
    private var output: OutputBuffer
    private var isAsked = false
    private var isAnswered = false
    private var registration: Registration?
    private var timer: TimerID?

    init(_ transport: consuming Transport, loop: EventLoop, _ answer: @escaping Answerer) {
        self.transport = transport
        self.loop = loop
        self.answer = answer
        let pool = BufferPool()
        input = InputBuffer(pool: pool)
        output = OutputBuffer(pool: pool)
    }

    func start() {
        guard let registration = try? loop.register(transport.rawValue, self) else { return }
        self.registration = registration
        let timer = loop.timers.make(self)
        loop.timers.arm(timer, at: loop.now + Self.patience)
        self.timer = timer
    }

    func timerFired(tag: UInt32) {
        close()
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        transport.ready(readiness)
        if !isAsked { read() } else if isAnswered { write() }
    }

    private func read() {
        switch transport.read(into: &input) {
        case .bytes:
            received += input.takeAll()
            let request = ControlInput(received)
            if request == .incomplete { return }
            isAsked = true
            answer(request) { [self] reply in
                guard registration != nil else { return }
                output.append(reply.line)
                isAnswered = true
                write()
            }
        case .wouldBlock: return
        case .endOfStream, .failed: close()
        }
    }

    private func write() {
        while !output.isEmpty {
            switch transport.write(from: &output) {
            case .bytes: continue
            case .wouldBlock: return
            case .endOfStream, .failed: return close()
            }
        }
        close()
    }

    private func close() {
        if let registration { loop.deregister(registration, closing: true) }
        if let timer { loop.timers.discard(timer) }
        registration = nil
        timer = nil
        transport.close()
    }
}
