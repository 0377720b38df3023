import Reactor

/// What waits between the threads that report and the one that writes.
///
/// Reporting takes a lock for an append and never waits for the writer: beyond `capacity` a record is dropped and counted.
/// Records count until they are written, so a stuck destination bounds memory too.
final class LogQueue: @unchecked Sendable {
    /// What the writer gets in one go.
    struct Batch {
        var records: [LogRecord] = []
        /// Dropped since the last batch.
        var dropped: UInt64 = 0
        var reopens = false
    }

    /// Milliseconds that the writer lets records gather: a wake-up and a write for each would cost more than its text.
    private static let gathering = 10

    private let capacity: Int
    /// So many records do not wait for more.
    private let bunch: Int
    private let lock = Lock()
    private let changed = Condition()
    /// Ends the gathering.
    private let hurry = Condition()
    // All below: under the lock.
    private var pending: [LogRecord] = []
    private var writing = 0
    private var unreportedDrops: UInt64 = 0
    private var wantsReopen = false
    private var isStopping = false
    private var flushers = 0
    private var sequence: UInt64 = 0
    private var finished: UInt64 = 0
    private var counts = LogStatistics()

    init(capacity: Int) {
        self.capacity = max(1, capacity)
        bunch = max(1, min(1024, capacity / 4))
    }

    // MARK: Threads that report

    func append(_ record: consuming LogRecord) {
        lock.lock()
        let waiting = enqueue(record)
        lock.unlock()
        if waiting == 1 { changed.wakeAll() }
        if waiting == bunch { hurry.wakeAll() }
    }

    /// Under the lock: how many wait now, 0 if there was no room.
    private func enqueue(_ record: consuming LogRecord) -> Int {
        guard !isStopping, pending.count + writing < capacity else {
            counts.dropped += 1
            unreportedDrops += 1
            return 0
        }
        pending.append(record)
        sequence += 1
        return pending.count
    }

    func reopen() {
        lock.withLock { wantsReopen = true }
        wakeWriter()
    }

    /// Returns when all that was appended before the call is written or lost.
    func flush() {
        lock.withLock {
            let target = sequence
            flushers += 1
            hurry.wakeAll()
            while finished < target { changed.wait(lock) }
            flushers -= 1
        }
    }

    /// False if it was stopping already.
    func stop() -> Bool {
        defer { wakeWriter() }
        return lock.withLock {
            defer { isStopping = true }
            return !isStopping
        }
    }

    private func wakeWriter() {
        changed.wakeAll()
        hurry.wakeAll()
    }

    var statistics: LogStatistics { lock.withLock { counts } }

    // MARK: The writer

    /// Waits for something to do and moves it into `batch`; false when stopped and all is done.
    func take(_ batch: inout Batch) -> Bool {
        batch.records.removeAll(keepingCapacity: batch.records.capacity <= 4096)
        return lock.withLock {
            while pending.isEmpty, unreportedDrops == 0, !wantsReopen, !isStopping { changed.wait(lock) }
            if !isStopping, !wantsReopen, flushers == 0, pending.count < bunch {
                hurry.wait(lock, atMost: Self.gathering)
            }
            guard !pending.isEmpty || unreportedDrops > 0 || wantsReopen else { return false }
            swap(&pending, &batch.records)
            writing = batch.records.count
            (batch.dropped, unreportedDrops) = (unreportedDrops, 0)
            (batch.reopens, wantsReopen) = (wantsReopen, false)
            return true
        }
    }

    /// Tells that the last batch is done with.
    func finish(written: UInt64, lost: UInt64, failedReopens: UInt64) {
        lock.withLock {
            finished += UInt64(writing)
            writing = 0
            counts.written += written
            counts.lost += lost
            counts.failedReopens += failedReopens
        }
        changed.wakeAll()
    }
}

/// How a log fares.
public struct LogStatistics: Hashable, Sendable {
    /// Lines that reached the destination.
    public var written: UInt64 = 0
    /// Records that found no room in the queue.
    public var dropped: UInt64 = 0
    /// Lines that the destination did not take (a full disk, no syslog daemon).
    public var lost: UInt64 = 0
    /// Times that the file could not be opened again; the old one stays in use.
    public var failedReopens: UInt64 = 0

    public init() {}
}
