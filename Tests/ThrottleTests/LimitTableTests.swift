import Testing
import Throttle

struct LimitTableTests {
    private let rate = RateLimit(count: 10, period: 1_000, burst: 2)

    private func charge(_ family: UInt64, _ key: String, cost: UInt64 = 1, _ rate: RateLimit? = nil) -> BucketCharge {
        BucketCharge(BucketName(family: family, key: Array(key.utf8)), rate: rate ?? self.rate, cost: cost)
    }

    private func isCharged(_ outcome: LimitTable.Outcome) -> Bool {
        if case .charged = outcome { true } else { false }
    }

    @Test func `Buckets of different keys and limits know nothing of each other`() {
        let table = LimitTable(capacity: 100)
        for name in [charge(1, "a"), charge(1, "b"), charge(2, "a")] {
            #expect(isCharged(table.charge([name], now: 5)))
            #expect(isCharged(table.charge([name], now: 5)))
            #expect(table.charge([name], now: 5) == .exceeded(retryAfter: 100))
        }
    }

    @Test func `All are charged or none, and the longest wait is told`() {
        let table = LimitTable(capacity: 100)
        let slow = RateLimit(count: 1, period: 1_000, burst: 1)
        let both = [charge(1, "a"), charge(2, "a", slow)]
        #expect(isCharged(table.charge(both, now: 5)))
        for _ in 0..<5 { #expect(table.charge(both, now: 5) == .exceeded(retryAfter: 1_000)) }
        #expect(table.wouldExceed(both, now: 5) == 1_000)
        #expect(table.remaining(both[0].name, rate: rate, now: 5) == 1)
    }

    @Test func `A reservation is given back to its own bucket`() {
        let table = LimitTable(capacity: 100)
        guard case .charged(let reservations) = table.charge([charge(1, "a", cost: 2)], now: 5) else {
            Issue.record("nothing was charged")
            return
        }
        #expect(table.wouldExceed([charge(1, "a")], now: 5) != nil)
        for reservation in reservations { table.refund(reservation, now: 5) }
        #expect(table.remaining(charge(1, "a").name, rate: rate, now: 5) == 2)
    }

    @Test func `Where there is no room the bucket that has been full longest goes`() {
        let table = LimitTable(capacity: 3, shards: 1)
        _ = table.charge([charge(1, "owes", cost: 2)], now: 1_000)
        _ = table.charge([charge(1, "early")], now: 10)
        _ = table.charge([charge(1, "late")], now: 500)
        _ = table.charge([charge(1, "new")], now: 1_000)
        var names: Set<String> = []
        table.forEach { name, _ in names.insert(String(decoding: name.key, as: UTF8.self)) }
        #expect(names == ["owes", "late", "new"])
        #expect(table.wouldExceed([charge(1, "owes")], now: 1_000) != nil)
    }

    @Test func `A table at its capacity finds every bucket that it kept`() {
        var numbers = Numbers(state: 3)
        let table = LimitTable(capacity: 64, shards: 1)
        var model: [Int: UInt64] = [:]
        for step in 0..<5_000 {
            let key = Int.random(in: 0..<200, using: &numbers)
            let now = UInt64(1_000 + step * 3)
            if isCharged(table.charge([charge(9, "\(key)")], now: now)) {
                model[key] = max(model[key] ?? 0, now) + 100
            }
            #expect(table.count <= 64)
            var arrivals: [String: UInt64] = [:]
            if step % 50 == 0 {
                table.forEach { name, arrival in arrivals[String(decoding: name.key, as: UTF8.self)] = arrival }
                for (name, arrival) in arrivals {
                    let number = Int(name) ?? -1
                    // A bucket that was forgotten begins again, so it may owe less than the model, never more.
                    #expect(arrival <= model[number] ?? 0)
                    #expect(
                        table.remaining(charge(9, name).name, rate: rate, now: now)
                            == rate.remaining(arrival, now: now))
                }
            }
        }
    }

    @Test func `Locks are taken in the order of the shards, and all are given back`() {
        final class Witness: Exclusion, @unchecked Sendable {
            nonisolated(unsafe) static var held: [Int] = []
            nonisolated(unsafe) static var made = 0
            nonisolated(unsafe) static var isOrdered = true
            let number: Int
            init() {
                number = Self.made
                Self.made += 1
            }
            func lock() {
                if let last = Self.held.last, last >= number { Self.isOrdered = false }
                Self.held.append(number)
            }
            func unlock() { Self.held.removeAll { $0 == number } }
        }
        let table = LimitTable(capacity: 100, shards: 8, exclusion: Witness.init)
        for number in 0..<200 {
            _ = table.charge([charge(1, "a\(number)"), charge(2, "b\(number)"), charge(3, "c\(number)")], now: 5)
            #expect(Witness.held.isEmpty)
        }
        #expect(Witness.isOrdered)
    }
}
