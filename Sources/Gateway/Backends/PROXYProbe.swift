import Bytes
import Enforcement
import Reactor
import SMTPWire
import TLSTransport

/// Visits a server that is to take PROXY headers without sending one: it must not serve such a connection, or anybody
/// who reaches the port could pose as anybody.
final class PROXYProbe: EventHandler, TimerHandler {
    /// Nanoseconds; Postfix waits 5 s for a header.
    static let patience: UInt64 = 6_000_000_000

    private let loop: EventLoop
    private let endpoint: Endpoint
    private let done: (BackendServer.Standing?) -> Void
    private var transport = Transport.none()
    private var input: InputBuffer
    private var output: OutputBuffer
    private var parser = ReplyParser()
    private var registration: Registration?
    private var timer: TimerID?
    private var isDone = false
    private var isConnected = false

    init(
        loop: EventLoop, pool: BufferPool, endpoint: Endpoint, done: @escaping (BackendServer.Standing?) -> Void
    ) {
        self.loop = loop
        self.endpoint = endpoint
        self.done = done
        input = InputBuffer(pool: pool)
        output = OutputBuffer(pool: pool)
    }

    func start() {
        do throws(Errno) {
            transport = Transport(try Socket.connect(to: endpoint))
            registration = try loop.register(transport.rawValue, self)
        } catch {
            return finish(nil)
        }
        let timer = loop.timers.make(self)
        loop.timers.arm(timer, at: loop.now + Self.patience)
        self.timer = timer
    }

    /// It neither greeted nor refused: it waits for a header.
    func timerFired(tag: UInt32) {
        finish(isConnected ? .proven : nil)
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        transport.ready(readiness)
        if !isConnected {
            guard transport.pendingError() == nil, readiness.contains(.writable) else { return finish(nil) }
            isConnected = true
            // Not a header, and longer than one, so that a server that waits for one need not wait until its timeout.
            CommandEncoder.ehlo(Array("portreeve-selftest.invalid".utf8), esmtp: true, to: &output)
            _ = transport.write(from: &output)
        }
        switch transport.read(into: &input) {
        case .bytes, .wouldBlock: judge()
        case .endOfStream, .failed: finish(.proven)
        }
    }

    private func judge() {
        switch parser.next(&input) {
        case .incomplete: break
        case .malformed: finish(.proven)
        case .reply(let reply) where reply.isPositive:
            finish(.disproved("it serves connections without a PROXY header: \(reply.code)"))
        case .reply: finish(.proven)
        }
    }

    private func finish(_ standing: BackendServer.Standing?) {
        guard !isDone else { return }
        isDone = true
        if let registration { loop.deregister(registration, closing: true) }
        if let timer { loop.timers.discard(timer) }
        transport.close()
        done(standing)
    }
}
