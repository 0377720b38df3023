import Glibc
public import Policy

/// The log of what sessions report.
///
/// `record` may be called from any thread and never waits for a disk or a daemon: it appends to a bounded queue, and a
/// thread of the log's own formats and writes. What finds no room, or cannot be written, is counted, and the log says
/// so itself when it can write again. No fault of a log changes what happens to mail.
public final class DecisionLog: Sendable {
    private let queue: LogQueue
    private let thread: pthread_t

    /// Opens the destination and starts the writer thread, which has the signal mask of the caller.
    public convenience init(_ settings: LogSettings) throws(LogError) {
        try self.init(
            sink: try Self.sink(settings), format: settings.format, capacity: settings.capacity, clock: WallTime.now)
    }

    init(
        sink: any LogSink, format: LogFormat, capacity: Int, clock: @escaping @Sendable () -> WallTime
    ) throws(LogError) {
        let queue = LogQueue(capacity: capacity)
        let writer = LogWriter(queue: queue, format: format, sink: sink, clock: clock)
        let retained = Unmanaged.passRetained(writer)
        var thread = pthread_t()
        let error = pthread_create(&thread, nil, runWriter, retained.toOpaque())
        guard error == 0 else {
            retained.release()
            throw LogError.cannotStartThread(errno: error)
        }
        self.queue = queue
        self.thread = thread
    }

    deinit {
        stop()
    }

    /// Notes a report of a session; `time` is when it happened.
    public func record(_ identity: consuming SessionIdentity, _ report: consuming SessionReport, at time: WallTime) {
        queue.append(LogRecord(time: time, event: .session(identity, report)))
    }

    /// Notes what an operator changed by a command.
    public func record(command: String, at time: WallTime) {
        queue.append(LogRecord(time: time, event: .command(command)))
    }

    /// Has the file opened by its name again before anything later is written (it was rotated).
    public func reopen() {
        queue.reopen()
    }

    /// Waits until all that was recorded before is written or lost; not for workers.
    public func flush() {
        queue.flush()
    }

    /// Writes what waits and ends the thread; what is recorded afterwards is dropped.
    ///
    /// A second call does nothing.
    public func stop() {
        if queue.stop() { pthread_join(thread, nil) }
    }

    public var statistics: LogStatistics { queue.statistics }

    private static func sink(_ settings: LogSettings) throws(LogError) -> any LogSink {
        let prefix = SyslogPrefix(ident: settings.ident)
        switch settings.destination {
        case .standardError: return DescriptorSink(descriptor: STDERR_FILENO)
        case .syslog(let path): return SyslogSink(path: path, prefix: prefix)
        case .file(let path):
            switch settings.format {
            case .postfix: return try DescriptorSink(path: path, prefix: prefix)
            case .json: return try DescriptorSink(path: path, prefix: nil)
            }
        }
    }
}

private func runWriter(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let context { Unmanaged<LogWriter>.fromOpaque(context).takeRetainedValue().run() }
    return nil
}
