import Bytes
import Enforcement
import Glibc
import Policy
import Reactor
import SMTPWire
import TLSTransport

/// A connection from a trusted load balancer whose PROXY header has not come yet.
///
/// The header is peeked at and exactly its length is read, so that what follows (a ClientHello, say) stays in the
/// socket. Anything that is not a header closes the connection without a word.
final class ProxyHeaderWait: EventHandler, TimerHandler {
    private let port: ListenerPort
    private var transport: Transport
    private let peer: Endpoint
    private let local: Endpoint
    private var registration: Registration?
    private var timer: TimerID?

    init(port: ListenerPort, transport: consuming Transport, peer: Endpoint, local: Endpoint) {
        self.port = port
        self.transport = transport
        self.peer = peer
        self.local = local
    }

    func start() {
        let loop = port.worker.loop
        do throws(Errno) {
            registration = try loop.register(transport.rawValue, self)
        } catch {
            return
        }
        let timer = loop.timers.make(self)
        loop.timers.arm(timer, at: loop.now + port.source.current.timeouts.client.proxyHeader)
        self.timer = timer
    }

    func timerFired(tag: UInt32) {
        close()
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        transport.ready(readiness)
        do throws(Errno) {
            let bytes = try transport.peek(ProxyHeader.maxV2Payload + 16)
            switch ProxyHeader.parse(bytes.span.bytes) {
            case .incomplete:
                if readiness.contains(.hangup) { close() }
            case .notProxy, .invalid:
                close()
            case .header(let header, let length):
                try transport.skip(length)
                begin(header)
            }
        } catch {
            if error.code != EWOULDBLOCK || readiness.contains(.hangup) { close() }
        }
    }

    private func begin(_ header: ProxyHeader) {
        detach()
        var connection = Transport.none()
        swap(&connection, &transport)
        switch header.origin {
        case .client(let source, let destination):
            var facts = ClientFacts(endpoint: source, local: destination)
            facts.isProxied = true
            port.begin(connection, facts, hasClient: true)
        case .local, .unknown:
            port.begin(connection, ClientFacts(endpoint: peer, local: local), hasClient: false)
        }
    }

    private func close() {
        detach()
        transport.close()
    }

    private func detach() {
        let loop = port.worker.loop
        if let registration { loop.deregister(registration) }
        if let timer { loop.timers.discard(timer) }
        registration = nil
        timer = nil
    }
}
