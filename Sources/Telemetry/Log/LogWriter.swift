/// The one thread that formats and writes: everything here is its own.
final class LogWriter {
    /// Framed octets that are written in one go.
    private static let chunk = 64 * 1024

    private let queue: LogQueue
    private let format: LogFormat
    private let sink: any LogSink
    private let clock: @Sendable () -> WallTime
    private let postfix = PostfixFormatter()
    private let json = JSONFormatter()

    private var buffer: [UInt8] = []
    private var lines = 0
    private var written: UInt64 = 0
    private var lost: UInt64 = 0
    /// Records dropped or lost of which the log itself does not tell yet.
    private var untold: UInt64 = 0

    init(queue: LogQueue, format: LogFormat, sink: any LogSink, clock: @escaping @Sendable () -> WallTime) {
        self.queue = queue
        self.format = format
        self.sink = sink
        self.clock = clock
    }

    /// Works until the queue is stopped and empty.
    func run() {
        var batch = LogQueue.Batch()
        while queue.take(&batch) {
            (written, lost) = (0, 0)
            let failedReopens: UInt64 = batch.reopens && !sink.reopen() ? 1 : 0
            untold += batch.dropped
            for record in batch.records {
                guard let line = line(record) else { continue }
                frame(line, at: record.time)
                if buffer.count >= Self.chunk { write() }
            }
            write()
            queue.finish(written: written, lost: lost, failedReopens: failedReopens)
        }
    }

    private func line(_ record: LogRecord) -> LogLine? {
        switch format {
        case .postfix: postfix.line(record.identity, record.report)
        case .json: json.line(record)
        }
    }

    private func frame(_ line: LogLine, at time: WallTime) {
        sink.frame(line, at: time, into: &buffer)
        lines += 1
    }

    /// Writes what is framed, after a word on what is missing before it.
    private func write() {
        if untold > 0, tellDrops() { untold = 0 }
        guard lines > 0 else { return }
        let taken = min(sink.write(buffer), lines)
        written += UInt64(taken)
        lost += UInt64(lines - taken)
        untold += UInt64(lines - taken)
        buffer.removeAll(keepingCapacity: true)
        lines = 0
    }

    private func tellDrops() -> Bool {
        let time = clock()
        var notice: [UInt8] = []
        let line =
            switch format {
            case .postfix: postfix.dropped(untold)
            case .json: json.dropped(untold, at: time)
            }
        sink.frame(line, at: time, into: &notice)
        return sink.write(notice) == 1
    }
}
