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
    /// The destination failed in this batch: the rest of it is lost untried, so a stuck one costs one wait a batch.
    private var isFailing = false
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
            (written, lost, isFailing) = (0, 0, false)
            let failedReopens: UInt64 = batch.reopens && !sink.reopen() ? 1 : 0
            untold += batch.dropped
            // Taken out, not copied: a copy would count references at each of its parts.
            for index in batch.records.indices {
                var record = LogRecord.none
                swap(&record, &batch.records[index])
                note(record)
                if buffer.count >= Self.chunk { write() }
            }
            write()
            queue.finish(written: written, lost: lost, failedReopens: failedReopens)
        }
    }

    private func note(_ record: consuming LogRecord) {
        let time = record.time
        if let line = line(record) { frame(line, at: time) }
    }

    private func line(_ record: consuming LogRecord) -> LogLine? {
        let time = record.time
        switch record.event {
        case .session(let identity, let report):
            return format == .json ? json.line(identity, report, at: time) : postfix.line(identity, report)
        case .command(let command):
            return format == .json ? json.command(command, at: time) : postfix.command(command)
        }
    }

    private func frame(_ line: borrowing LogLine, at time: WallTime) {
        sink.frame(line, at: time, into: &buffer)
        lines += 1
    }

    /// Writes what is framed, after a word on what is missing before it.
    private func write() {
        tellDrops()
        guard lines > 0 else { return }
        let taken = isFailing ? 0 : min(sink.write(buffer), lines)
        if taken < lines { isFailing = true }
        written += UInt64(taken)
        lost += UInt64(lines - taken)
        untold += UInt64(lines - taken)
        buffer.removeAll(keepingCapacity: true)
        lines = 0
    }

    private func tellDrops() {
        guard untold > 0, !isFailing else { return }
        let time = clock()
        var notice: [UInt8] = []
        let line =
            switch format {
            case .postfix: postfix.dropped(untold)
            case .json: json.dropped(untold, at: time)
            }
        sink.frame(line, at: time, into: &notice)
        if sink.write(notice) == 1 { untold = 0 } else { isFailing = true }
    }
}
