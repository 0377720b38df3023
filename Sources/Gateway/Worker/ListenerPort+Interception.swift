import Bytes
import Enforcement
import Policy
import Reactor
import SMTPSession
import TLSTransport

// Sessions that were meant for others: the accepted socket's own address is where the client wanted to go.

extension ListenerPort {
    /// Serves a socket of the helper's from now on, in place of one that does the same.
    ///
    /// What waits in the old one's queue is accepted first; closing it would reset that.
    func intercept(on listener: consuming Listener, _ slot: InterceptionSlot) throws(Errno) {
        let index = sockets.firstIndex { $0.slot == slot } ?? sockets.count
        let registration = try worker.loop.register(
            listener.rawValue, self, tag: UInt32(truncatingIfNeeded: index), yields: true)
        let bound = Bound(listener, registration, slot: slot)
        if index < sockets.count {
            let former = sockets[index]
            accept(on: former, atMost: Self.backlog)
            worker.loop.deregister(former.registration)
            sockets[index] = bound
        } else {
            sockets.append(bound)
        }
    }

    /// Nobody but the packet filter is to reach us here, and nobody may be sent back to ourselves.
    func receive(_ socket: consuming Socket, from peer: Endpoint, as intercepted: Intercepted) {
        guard let destination = socket.localEndpoint else { return }
        let facts = ClientFacts(endpoint: peer, local: destination)
        guard settings.interception?.allows(destination) == true else {
            return turnAway(Transport(socket), facts, "destination", Replies.noDestination)
        }
        guard worker.helper.isThere else {
            return turnAway(Transport(socket), facts, "helper", Replies.noWayOn(source.current.hostname))
        }
        begin(Transport(socket), facts, hasClient: true, intercepted: intercepted)
    }
}

/// Which of the helper's listening sockets one is.
struct InterceptionSlot: Hashable, Sendable {
    let intercepted: Intercepted
    let isV4: Bool

    static let all = Intercepted.allCases.flatMap { intercepted in
        [true, false].map { InterceptionSlot(intercepted: intercepted, isV4: $0) }
    }
}

/// Whether the firewall's helper is there: known to the supervisor, read by every worker.
///
/// Without it new intercepted sessions get 421, since nobody can say what holds for them now.
final class HelperPresence: Sendable {
    private let state = Locked(false)

    var isThere: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}
