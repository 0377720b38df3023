import Bytes
import Enforcement
import Reactor

// The way on of an intercepted session: a socket of the helper's for each connection, since it may speak with the
// client's address and no other program may.

/// Where an intercepted session goes on to, and how often that was asked for.
final class OnwardRoute {
    let client: IPAddress
    let destination: Endpoint
    /// Tells the answer to one question from the answer to an earlier one.
    fileprivate var attempt: UInt32 = 0

    init(client: IPAddress, destination: Endpoint) {
        (self.client, self.destination) = (client, destination)
    }
}

/// A question for a socket, by which its answer finds the session.
struct OnwardTicket: Hashable, Sendable {
    let worker: Int
    let session: UInt64
    let attempt: UInt32
}

extension GatewaySession {
    /// Asks for a socket; the conversation's own deadline for connecting holds meanwhile.
    func askForSocket(_ route: OnwardRoute) {
        route.attempt &+= 1
        backend.phase = .waitingForSocket
        worker.askForSocket(
            OnwardTicket(worker: worker.number, session: key, attempt: route.attempt), client: route.client,
            destination: route.destination)
    }

    /// The answer; a socket that nobody waits for any more is closed.
    func socketGranted(_ socket: consuming Socket, attempt: UInt32) {
        guard case .waitingForSocket = backend.phase, let route, route.attempt == attempt else { return }
        backend.phase = .none
        do throws(Errno) {
            try socket.beginConnect(to: route.destination)
            try connect(by: socket)
        } catch {
            failConnect(error.description)
        }
        settle()
    }

    func socketRefused(_ reason: String, attempt: UInt32) {
        guard case .waitingForSocket = backend.phase, let route, route.attempt == attempt else { return }
        failConnect(reason)
        settle()
    }
}
