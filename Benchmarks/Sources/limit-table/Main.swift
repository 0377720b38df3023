// What one limit decision costs in a table of many keys, alone and with two workers at once, and what a key weighs.
//
//     limit-table [KEYS]      prints one JSON object
//
// Keys are drawn at random, so that a decision meets a cold cache as it does in a server that has other work.
import Glibc
import Reactor
import Throttle

@main
enum Main {
    static func main() {
        let words = CommandLine.arguments.dropFirst()
        let keys = words.first.flatMap { Int($0) } ?? 1_000_000
        let bench = LimitBench(keys: max(1, keys))
        let one = bench.nanoseconds(threads: 1)
        let two = bench.nanoseconds(threads: 2)
        print(
            """
            {"keys": \(keys), "bytes_per_key": \(bench.bytesPerKey), "bytes": \(bench.bytes), \
            "ns_one_worker": \(one), "ns_two_workers": \(two)}
            """)
    }
}

/// A table as the daemon has it, full of keys.
final class LimitBench: Sendable {
    static let decisions = 1_000_000

    let table: LimitTable
    let keys: Int
    let bytes: Int
    private static let rate = RateLimit(count: 200, period: 3_600_000_000_000, burst: 1_000_000)

    var bytesPerKey: Int { bytes / keys }

    init(keys: Int) {
        self.keys = keys
        let before = Self.residentBytes
        let table = LimitTable(capacity: keys * 2, exclusion: Bolt.init)
        for key in 0..<keys { _ = table.charge([Self.charge(key)], now: 1 << 40) }
        self.table = table
        bytes = Self.residentBytes - before
    }

    private final class Bolt: Exclusion {
        private let bolt = Lock()
        func lock() { bolt.lock() }
        func unlock() { bolt.unlock() }
    }

    /// A login of the usual length.
    private static func charge(_ number: Int) -> BucketCharge {
        BucketCharge(BucketName(family: 7, key: Array("user\(number)@example.org".utf8)), rate: rate)
    }

    /// CPU time of one decision, the mean over all threads; making the charge is the caller's work, and is taken off.
    func nanoseconds(threads: Int) -> Int {
        let total = Locked(0)
        let running = (0..<threads).compactMap { number in
            try? NativeThread.start("bench \(number)") { [self] in
                let spent = run(seed: UInt64(number) + 1)
                total.withLock { $0 += spent }
            }
        }
        for thread in running { thread.join() }
        return total.withLock { $0 } / max(1, running.count * Self.decisions)
    }

    /// Nanoseconds that the decisions of one thread took.
    private func run(seed: UInt64) -> Int {
        var (spent, passed) = (0, 0)
        var batch: [BucketCharge] = []
        for number in sequence(seed: seed) {
            batch.append(Self.charge(number))
            guard batch.count == Self.batch else { continue }
            let began = Self.threadTime
            for charge in batch { if case .charged = table.charge(charge, now: 1 << 40) { passed += 1 } }
            spent += Self.threadTime - began
            batch.removeAll(keepingCapacity: true)
        }
        return passed > 0 ? spent : 0
    }

    /// Charges that are made before they are timed: few, so that they are as warm as a session's own.
    private static let batch = 100

    private static var threadTime: Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    private func sequence(seed: UInt64) -> some Sequence<Int> {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        return (0..<Self.decisions).lazy.map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(self.keys))
        }
    }

    private static var residentBytes: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, 256, file) != nil else { return 0 }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
            * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
