import Reactor

/// The `max_sessions` of one server, shared by all workers.
///
/// A session that finds none free waits in line; a slot that is given back goes to the first in line without becoming
/// free in between.
final class BackendSlots: Sendable {
    private struct State: Sendable {
        var limit: Int
        var inUse = 0
        var line: [SlotWaiter] = []
    }

    private let state: Locked<State>

    init(limit: Int) {
        state = Locked(State(limit: limit))
    }

    var inUse: Int { state.withLock { $0.inUse } }

    /// Takes a slot, or puts `waiter` in line and returns false.
    func acquire(orNotify waiter: SlotWaiter) -> Bool {
        state.withLock { state in
            guard state.inUse >= state.limit else {
                state.inUse += 1
                return true
            }
            state.line.append(waiter)
            return false
        }
    }

    /// Gives a slot back, or hands it to the first in line.
    func release() {
        let next = state.withLock { state -> SlotWaiter? in
            guard state.inUse <= state.limit, !state.line.isEmpty else {
                state.inUse -= 1
                return nil
            }
            return state.line.removeFirst()
        }
        next?.grant(self)
    }

    /// Leaves the line; does nothing for one who was handed a slot already.
    func cancel(_ session: UInt64, _ mailbox: LoopMailbox<WorkerMessage>) {
        state.withLock { state in
            state.line.removeAll { $0.session == session && $0.mailbox === mailbox }
        }
    }

    /// A reload changed `max_sessions`.
    func setLimit(_ limit: Int) {
        state.withLock { $0.limit = limit }
    }
}

/// A session in line for a slot.
struct SlotWaiter: Sendable {
    let session: UInt64
    let mailbox: LoopMailbox<WorkerMessage>

    func grant(_ slots: BackendSlots) {
        mailbox.post(.slotGranted(session: session, slots))
    }
}
