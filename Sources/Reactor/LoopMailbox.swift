import CLinux
import Glibc

/// Messages from any thread to one loop, in the order they were posted.
///
/// Unbounded: only our own threads post, and what they post is bounded by what they were asked to do.
public final class LoopMailbox<Message: Sendable>: Sendable {
    private let queue = Locked<[Message]>([])
    private let wakeup: FileDescriptor

    public init() throws(Errno) {
        wakeup = FileDescriptor(owning: try retrying { reeve_eventfd() })
    }

    /// Adds a message and, if the box was empty, wakes the loop.
    public func post(_ message: Message) {
        let wasEmpty = queue.withLock { queue in
            queue.append(message)
            return queue.count == 1
        }
        guard wasEmpty else { return }
        var one: UInt64 = 1
        // Fails only when the counter is full, and then the loop is awake anyway.
        _ = Glibc.write(wakeup.rawValue, &one, 8)
    }

    /// Delivers every message to `receive` on the loop's thread, those posted before this call too.
    ///
    /// Once per mailbox, on the loop's thread. The loop keeps the mailbox and `receive` alive until `deregister`.
    @discardableResult
    public func attach(to loop: EventLoop, _ receive: @escaping (Message) -> Void) throws(Errno) -> Registration {
        try loop.register(wakeup.rawValue, Receiver(mailbox: self, receive: receive))
    }

    /// Takes all messages; the counter is cleared first, so that a message posted meanwhile wakes again.
    func drain() -> [Message] {
        var count: UInt64 = 0
        _ = Glibc.read(wakeup.rawValue, &count, 8)
        return queue.withLock { queue in
            let messages = queue
            queue = []
            return messages
        }
    }
}

private final class Receiver<Message: Sendable>: EventHandler {
    let mailbox: LoopMailbox<Message>
    let receive: (Message) -> Void

    init(mailbox: LoopMailbox<Message>, receive: @escaping (Message) -> Void) {
        self.mailbox = mailbox
        self.receive = receive
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        guard readiness.contains(.readable) else { return }
        for message in mailbox.drain() { receive(message) }
    }
}
