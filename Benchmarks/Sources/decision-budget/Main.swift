import AllocationCount
import Bytes
import Deciding
import Glibc
import Policy

/// What a decision costs of a processor's time, and how often it asks for memory: one line for each mix of rules.
///
///     equality 412 5          the mix, nanoseconds of a decision, allocations in a thousand of them
///
/// A thread's scratch memory is made with the first of a thousand decisions; that is what is allocated.
@main
enum Main {
    /// Decisions of one measurement, and measurements of which the median counts.
    private static let decisions = 20_000
    private static let rounds = 7

    static func main() {
        for mix in Decisions.Mix.allCases {
            let decisions = Decisions([Decisions.mix(mix)])
            let warm = decisions.take(1000)
            precondition(warm == 1000, "a rule of mix \(mix) holds")
            let before = allocations_so_far()
            _ = decisions.take(1000)
            let allocations = allocations_so_far() - before
            let times = (0..<rounds).map { _ in nanoseconds(decisions) }.sorted()
            print(mix.rawValue, times[rounds / 2], allocations)
        }
        print("load", loadTime(), 0)
    }

    private static func nanoseconds(_ one: Decisions) -> Int {
        let start = processorTime()
        _ = one.take(decisions)
        return (processorTime() - start) / decisions
    }

    /// Nanoseconds that this thread has run: what else the machine does is not in them.
    private static func processorTime() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    /// Nanoseconds for a hundred thousand prefixes from text to trie.
    private static func loadTime() -> Int {
        let texts = (0..<100_000).map { "10.\($0 / 65_536).\($0 / 256 % 256).\($0 % 256)/32" }
        let start = processorTime()
        var builder = ListBuilder(.cidr)
        for text in texts { if let prefix = AddressPrefix(text) { builder.insert(prefix) } }
        _ = builder.build().count
        return processorTime() - start
    }
}
