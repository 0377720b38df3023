import Bytes
import Glibc
import Reactor

/// An SMTP server on loopback that takes everything and keeps nothing.
final class Sink: EventHandler {
    let loop: EventLoop
    let pool = BufferPool()
    let stalls: Bool
    private let listener: Listener
    /// Connections and MAIL commands so far, which STAT tells.
    var connections = 0
    var transactions = 0

    init(on loop: EventLoop, port: UInt16, stalls: Bool) throws {
        self.loop = loop
        self.stalls = stalls
        guard let address = IPAddress("127.0.0.1") else { throw Misuse(text: "no loopback") }
        listener = try Listener(on: Endpoint(address: address, port: port))
        _ = try loop.register(listener.rawValue, self)
    }

    func run() {
        loop.run()
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        while true {
            do throws(Errno) {
                guard let accepted = try listener.accept() else { return }
                connections += 1
                try SinkSession(of: self, accepted.takeSocket()).start()
            } catch {
                complain("reeve-load: accept: \(error)")
                return
            }
        }
    }
}
