import Glibc
import LoadTimer
import Reactor

/// When sessions are due: one every 1/rate of a second from the start on, however those before them fare.
///
/// A server that falls behind finds as many at its door as a world of clients that know nothing of each other would
/// send. The loop's own timers are too coarse: with ticks of 8 ms sessions would come in bunches.
final class Schedule: EventHandler {
    private let timer: FileDescriptor
    private let started: Instant
    private let interval: Double
    private var count: Int
    private let begin: (Instant) -> Void
    private var begun = 0

    /// `begin` is called with the time at which a session was due, which may lie a little back.
    init(on loop: EventLoop, from start: Instant, rate: Int, count: Int, begin: @escaping (Instant) -> Void) throws {
        timer = FileDescriptor(owning: load_timer())
        guard timer.rawValue >= 0 else { throw Errno.last }
        started = start
        interval = 1e9 / Double(rate)
        self.count = count
        self.begin = begin
        _ = try loop.register(timer.rawValue, self)
        beginWhatIsDue()
    }

    /// Nothing is due any more.
    func stop() {
        count = begun
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        var expirations: UInt64 = 0
        _ = read(timer.rawValue, &expirations, MemoryLayout.size(ofValue: expirations))
        beginWhatIsDue()
    }

    private func beginWhatIsDue() {
        while begun < count {
            let due = started + UInt64(interval * Double(begun))
            guard due <= Instant.current() else {
                _ = load_timer_set(timer.rawValue, due.nanoseconds)
                return
            }
            begun += 1
            begin(due)
        }
    }
}
