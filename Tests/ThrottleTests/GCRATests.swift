import Testing
import Throttle

struct Numbers: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}

/// A bucket that fills with exact integers: it holds `burst` × `interval` and drains one a nanosecond.
private struct Bucket {
    let rate: RateLimit
    var level: UInt64 = 0
    var at: UInt64 = 0

    mutating func passes(cost: UInt64, now: UInt64) -> Bool {
        level -= min(level, now - at)
        at = now
        guard level + cost * rate.interval <= rate.tolerance else { return false }
        level += cost * rate.interval
        return true
    }
}

struct GCRATests {
    @Test(arguments: 1...40)
    func `Random arrivals pass exactly as a leaking bucket lets them`(seed: UInt64) {
        var numbers = Numbers(state: seed)
        let rate = RateLimit(
            count: .random(in: 1...500, using: &numbers), period: .random(in: 1_000...10_000_000, using: &numbers),
            burst: .random(in: 1...50, using: &numbers))
        var oracle = Bucket(rate: rate)
        var arrival: UInt64 = 0
        var now: UInt64 = 1_000_000
        for _ in 0..<2_000 {
            now += .random(in: 0...(2 * rate.interval), using: &numbers)
            let cost = UInt64.random(in: 1...3, using: &numbers)
            let wait = rate.wait(arrival, cost: cost, now: now)
            var later = arrival
            let expected = oracle.passes(cost: cost, now: now)
            #expect(rate.charge(&arrival, cost: cost, now: now) == expected)
            #expect((wait == 0) == expected)
            if !expected, wait < .max {
                #expect(!rate.charge(&later, cost: cost, now: now + wait - 1))
                #expect(rate.charge(&later, cost: cost, now: now + wait))
            }
        }
    }

    @Test(arguments: 1...20)
    func `No stretch of time passes more than the burst and the rate allow`(seed: UInt64) {
        var numbers = Numbers(state: seed)
        let (count, period, burst) = (
            UInt64.random(in: 1...7, using: &numbers), UInt64.random(in: 100...1000, using: &numbers),
            UInt64.random(in: 1...9, using: &numbers)
        )
        let rate = RateLimit(count: count, period: period, burst: burst)
        var arrival: UInt64 = 0
        var passed: [UInt64] = []
        for now in UInt64(10_000)..<20_000 where rate.charge(&arrival, now: now) { passed.append(now) }
        for first in passed.indices {
            for last in first..<passed.count {
                let events = UInt64(last - first + 1)
                #expect(events * period <= burst * period + (passed[last] - passed[first]) * count + period)
                if passed[last] == passed[first] { #expect(events <= burst) }
            }
        }
    }

    @Test func `Remaining counts the events that still pass`() {
        let rate = RateLimit(count: 200, period: 3_600_000_000_000, burst: 100)
        var arrival: UInt64 = 0
        let now: UInt64 = 5
        for left in (0..<100).reversed() {
            let passed = rate.charge(&arrival, now: now)
            #expect(passed)
            #expect(rate.remaining(arrival, now: now) == UInt64(left))
        }
        #expect(rate.wait(arrival, now: now) == 18_000_000_000)
    }

    @Test func `What can't be represented passes nothing, and traps nothing`() {
        let huge = RateLimit(count: 1, period: .max, burst: .max)
        var arrival: UInt64 = .max
        #expect(!huge.charge(&arrival, cost: .max, now: 0) || arrival == .max)
        let small = RateLimit(count: 10, period: 1_000, burst: 2)
        var bucket: UInt64 = 0
        #expect(!small.charge(&bucket, cost: 3, now: 1))
        #expect(small.wait(0, cost: 3, now: 1) == .max)
    }

    @Test(arguments: 1...60)
    func `A refund never lets more pass than if the refunded had never come`(seed: UInt64) {
        var numbers = Numbers(state: seed)
        let rate = RateLimit(count: 10, period: 1_000, burst: 5)
        var (arrival, without): (UInt64, UInt64) = (0, 0)
        var now: UInt64 = 1_000
        var since: UInt64?
        for step in 0..<200 {
            now += .random(in: 0...150, using: &numbers)
            if step == 50 {
                since = max(arrival, now)
                if !rate.charge(&arrival, now: now) { since = nil }
            } else if step == 50 + Int(seed % 30) + 1, let since {
                rate.refund(&arrival, cost: 1, since: since, now: now)
            } else {
                let passes = rate.charge(&arrival, now: now)
                if passes { #expect(rate.charge(&without, now: now)) }
            }
            #expect(max(arrival, now) >= max(without, now))
        }
    }

    @Test func `A refund at once gives all of it back`() {
        let rate = RateLimit(count: 10, period: 1_000, burst: 3)
        var arrival: UInt64 = 0
        for _ in 0..<10 {
            let since = max(arrival, 50)
            #expect(rate.charge(&arrival, now: 50))
            rate.refund(&arrival, cost: 1, since: since, now: 50)
        }
        #expect(rate.remaining(arrival, now: 50) == 3)
    }
}
