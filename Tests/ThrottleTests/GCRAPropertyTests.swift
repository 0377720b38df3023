import Testing
import Throttle

/// The algorithm against an oracle that knows nothing of it: a leaky bucket kept as an exact fraction.
struct GCRAPropertyTests {
    /// `burst` tokens that come back at one per `interval`; all in units of nanosecond-tokens, so nothing is rounded.
    private struct Oracle {
        let interval: UInt64
        let burst: UInt64
        private var level: UInt64 = 0
        private var last: UInt64 = 0

        init(_ rate: RateLimit) {
            interval = rate.interval
            burst = rate.tolerance / rate.interval
        }

        mutating func charge(_ cost: UInt64, now: UInt64) -> Bool {
            drain(now)
            guard level + cost * interval <= burst * interval else { return false }
            level += cost * interval
            return true
        }

        mutating func remaining(now: UInt64) -> UInt64 {
            drain(now)
            return (burst * interval - level) / interval
        }

        private mutating func drain(_ now: UInt64) {
            level -= min(level, now - last)
            last = now
        }
    }

    private func rate(_ numbers: inout Numbers) -> RateLimit {
        let periods: [UInt64] = [1_000_000_000, 60_000_000_000, 3_600_000_000_000, 86_400_000_000_000]
        return RateLimit(
            count: 1 + numbers.next() % 1000, period: periods[Int(numbers.next() % 4)], burst: 1 + numbers.next() % 50)
    }

    @Test func `Random arrivals pass exactly when the oracle lets them`() {
        for seed in 1...200 as ClosedRange<UInt64> {
            var numbers = Numbers(state: seed)
            let rate = rate(&numbers)
            var oracle = Oracle(rate)
            var (arrival, now) = (UInt64(0), UInt64(1 << 40))
            _ = oracle.remaining(now: now)
            for _ in 0..<500 {
                now += numbers.next() % (rate.interval * 3)
                let cost = 1 + numbers.next() % 3
                let wait = rate.wait(arrival, cost: cost, now: now)
                #expect(rate.remaining(arrival, now: now) == oracle.remaining(now: now))
                let passes = oracle.charge(cost, now: now)
                #expect((wait == 0) == passes)
                #expect(rate.charge(&arrival, cost: cost, now: now) == passes)
            }
        }
    }

    @Test func `The wait that is told is exact: a nanosecond less is too early`() {
        for seed in 1...200 as ClosedRange<UInt64> {
            var numbers = Numbers(state: seed)
            let rate = rate(&numbers)
            var (arrival, now) = (UInt64(0), UInt64(1 << 40))
            for _ in 0..<200 {
                now += numbers.next() % rate.interval
                let wait = rate.wait(arrival, now: now)
                if wait == 0 {
                    #expect(rate.charge(&arrival, now: now))
                } else {
                    var copy = arrival
                    #expect(!rate.charge(&copy, now: now + wait - 1) && copy == arrival)
                    #expect(rate.charge(&copy, now: now + wait))
                }
            }
        }
    }

    /// Restarts come in between, each with a clock of its own, and some time in which nobody counts.
    @Test func `No window passes more than burst + rate × t, restarts included`() throws {
        for seed in 1...60 as ClosedRange<UInt64> {
            var numbers = Numbers(state: seed)
            let rate = rate(&numbers)
            let burst = rate.tolerance / rate.interval
            let name = BucketName(family: seed, key: [1])
            var (table, clock, wall) = (LimitTable(capacity: 16), UInt64(1 << 40), Int64(1 << 50))
            var passed: [Int64] = []
            for _ in 0..<400 {
                let step = numbers.next() % rate.interval
                clock += step
                wall += Int64(step)
                if case .charged = table.charge([BucketCharge(name, rate: rate)], now: clock) { passed.append(wall) }
                guard numbers.next() % 25 == 0 else { continue }
                let saved = StateSnapshot(of: table, PeerBooks(), now: clock, savedAt: wall)
                let pause = numbers.next() % (rate.interval * 2)
                wall += Int64(pause)
                clock = 1 << 30 + numbers.next() % (1 << 30)
                table = LimitTable(capacity: 16)
                try StateSnapshot(octets: saved.octets).restore(to: table, PeerBooks(), now: clock, wall: wall)
            }
            for (first, start) in passed.enumerated() {
                for last in first..<passed.count {
                    let most = burst + UInt64(passed[last] - start) / rate.interval
                    #expect(UInt64(last - first + 1) <= most)
                    if UInt64(last - first + 1) > most { return }
                }
            }
        }
    }
}
