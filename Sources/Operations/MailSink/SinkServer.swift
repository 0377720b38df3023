import Bytes
import Reactor

/// The listener of a sink and its sessions; belongs to the sink's thread.
final class SinkServer: EventHandler, TimerHandler {
    /// Nanoseconds before accepting again when no descriptor was left.
    private static let pause: UInt64 = 100_000_000

    let options: MailSinkOptions
    let shelf: MessageShelf
    let loop: EventLoop
    let pool = BufferPool()
    private let listener: Listener
    private var registration: Registration?
    private var retry: TimerID?
    private var sessions: [ObjectIdentifier: SinkSession] = [:]

    init(_ options: MailSinkOptions, _ shelf: MessageShelf, on loop: EventLoop) throws(Errno) {
        self.options = options
        self.shelf = shelf
        self.loop = loop
        listener = try Listener(on: options.endpoint)
        registration = try loop.register(listener.rawValue, self)
        retry = loop.timers.make(self)
    }

    var endpoint: Endpoint? { listener.localEndpoint }

    func ready(_ readiness: Readiness, tag: UInt32) {
        accept()
    }

    func timerFired(tag: UInt32) {
        accept()
    }

    private func accept() {
        do throws(Errno) {
            while let accepted = try listener.accept() {
                let peer = accepted.peer
                let session = SinkSession(accepted.takeSocket(), peer: peer, server: self)
                sessions[ObjectIdentifier(session)] = session
                session.begin()
            }
        } catch {
            // No edge will come for those that wait already.
            if let retry { loop.timers.arm(retry, at: loop.now + Self.pause) }
        }
    }

    func ended(_ session: SinkSession) {
        sessions[ObjectIdentifier(session)] = nil
    }

    /// Lets go of everything that the loop holds.
    func close() {
        for session in sessions.values { session.close() }
        if let registration { loop.deregister(registration) }
        if let retry { loop.timers.discard(retry) }
        (registration, retry) = (nil, nil)
    }
}
