import CLinux
import Glibc

/// Signals as events of a loop; no code of ours ever runs in a signal handler.
public final class Signals: EventHandler {
    private let descriptor: FileDescriptor
    private let received: (Int32) -> Void

    /// Delivers each of `signals` to `received` on the loop's thread.
    ///
    /// They must be blocked (`blockAll`) in all threads.
    public init(_ signals: [Int32], on loop: EventLoop, _ received: @escaping (Int32) -> Void) throws(Errno) {
        descriptor = FileDescriptor(owning: try retrying { reeve_signalfd(signals, signals.count) })
        self.received = received
        _ = try loop.register(descriptor.rawValue, self)
    }

    public func ready(_ readiness: Readiness, tag: UInt32) {
        while true {
            let signal = reeve_signalfd_read(descriptor.rawValue)
            guard signal > 0 else { return }
            received(signal)
        }
    }

    /// Blocks every signal but faults in this thread and those it starts: before any other thread exists.
    public static func blockAll() throws(Errno) {
        let code = reeve_block_signals()
        guard code == 0 else { throw Errno(code) }
    }

    /// A write to a closed connection then reports EPIPE instead of killing the process (OpenSSL writes without MSG_NOSIGNAL).
    public static func ignoreBrokenPipe() {
        _ = Glibc.signal(SIGPIPE, SIG_IGN)
    }
}
