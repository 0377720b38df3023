public import Bytes
public import Reactor

/// A small mail server that takes messages and delivers them nowhere: the backend of `portreeve demo` and of tests.
///
/// Speaks what Postfix speaks behind a proxy: PIPELINING, SIZE, 8BITMIME, SMTPUTF8, DSN, CHUNKING, XCLIENT, AUTH PLAIN
/// and LOGIN. Refuses to relay for strangers, so that a self-test can tell it from an open relay. No TLS.
public final class MailSink: Sendable {
    /// Where it listens.
    public let endpoint: Endpoint

    private let shelf: MessageShelf
    private let handle: LoopHandle
    private let thread: NativeThread
    private let isStopped = Locked(false)

    /// Listens and starts its thread; it runs until `stop`.
    ///
    /// Throws what the kernel says about the endpoint. Call `Signals.ignoreBrokenPipe` (and, in a daemon,
    /// `Signals.blockAll`) before.
    public init(_ options: MailSinkOptions) throws(Errno) {
        let shelf = MessageShelf(options.storage)
        let loop = try EventLoop()
        let server = try SinkServer(options, shelf, on: loop)
        guard let endpoint = server.endpoint else { throw .badDescriptor }
        self.endpoint = endpoint
        self.shelf = shelf
        handle = loop.handle
        thread = try NativeThread.start("mail-sink") {
            server.loop.run()
            server.close()
        }
    }

    /// Messages that were answered with 250.
    public var messagesTaken: UInt64 { shelf.taken }

    /// Closes every connection and waits for the thread; a second call does nothing.
    public func stop() {
        let wasStopped = isStopped.withLock { isStopped in
            defer { isStopped = true }
            return isStopped
        }
        guard !wasStopped else { return }
        handle.stop()
        thread.join()
    }
}
