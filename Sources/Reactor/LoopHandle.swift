/// A loop as other threads see it: work can be sent to it, nothing can be read from it.
public struct LoopHandle: Sendable {
    enum Request: Sendable {
        case run(@Sendable () -> Void)
        case stop
    }

    let mailbox: LoopMailbox<Request>

    /// Runs `work` on the loop's thread in one of its next turns.
    ///
    /// Work posted to a loop that has ended never runs.
    public func post(_ work: @escaping @Sendable () -> Void) {
        mailbox.post(.run(work))
    }

    /// Lets the loop end after the work that was posted before.
    public func stop() {
        mailbox.post(.stop)
    }
}
