import Bytes
import Reactor

/// Addresses of a name, asked for on a thread of its own: a resolver that is slow holds up nobody's mail.
final class NameLookup {
    private let loop: EventLoop
    private var answer: (([IPAddress]) -> Void)?

    /// Calls `answer` once, on the loop and never from within, unless it is cancelled first.
    init(
        _ name: String, loop: EventLoop, by lookUp: @escaping @Sendable (String) -> [IPAddress],
        _ answer: @escaping ([IPAddress]) -> Void
    ) {
        (self.loop, self.answer) = (loop, answer)
        let desk = Desk(self)
        let handle = loop.handle
        let work: @Sendable () -> Void = {
            let found = lookUp(name)
            handle.post { desk.deliver(found) }
        }
        do throws(Errno) {
            desk.thread = try NativeThread.start("store-name") { work() }
        } catch {
            handle.post { desk.deliver([]) }
        }
    }

    func cancel() {
        answer = nil
    }

    /// Crosses to the thread and back, and is only opened on the loop.
    private final class Desk: @unchecked Sendable {
        private var lookup: NameLookup?
        var thread: NativeThread?

        init(_ lookup: NameLookup) {
            self.lookup = lookup
        }

        /// The thread has nothing left to do but end.
        func deliver(_ found: [IPAddress]) {
            thread?.join()
            let answer = lookup?.answer
            lookup?.answer = nil
            lookup = nil
            answer?(found)
        }
    }
}
