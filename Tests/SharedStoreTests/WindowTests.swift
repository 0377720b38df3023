import Bytes
import Reactor
import SharedStore
import Testing
import Throttle

/// What a limit is for: in no time t do more than burst + rate × t pass, whoever asks and over whatever connection.
@Suite(.serialized, .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct WindowTests {
    private static let rate = RateLimit(count: 500, period: Sample.second, burst: 20)

    /// The moments, by the server's clock, at which charges passed.
    private static func moments(_ answers: [StoreAnswer]) -> [UInt64] {
        answers.compactMap { answer in
            answer.receipts?.first.map { $0.since - ($0.owed - rate.interval * $0.charge.cost) }
        }.sorted()
    }

    private static func expectWithinLimit(_ moments: [UInt64]) {
        for first in moments.indices {
            for last in first..<moments.count {
                let passed = UInt64(last - first + 1) * rate.interval
                if passed > rate.tolerance + (moments[last] - moments[first]) {
                    Issue.record("\(last - first + 1) passed in \(moments[last] - moments[first]) ns")
                    return
                }
            }
        }
    }

    @Test func `several machines on one server pass no more than one would`() throws {
        let server = try RedisServer()
        try Self.load(server.port, interrupted: {})
    }

    @Test func `several machines on a Cluster pass no more than one would, while a slot moves`() throws {
        let cluster = try RedisCluster()
        let slot = Int(KeySlot(of: Array("all".utf8)).number)
        let source = cluster.masters[slot * 3 / 16384]
        let target = cluster.masters[(slot * 3 / 16384 + 1) % 3]
        try Self.load(cluster.masters[0].port) {
            try target.command("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", try RedisCluster.id(source))
            try source.command("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", try RedisCluster.id(target))
            try source.command(
                "MIGRATE", "127.0.0.1", "\(target.port)", "portreeve:{all}:0000000000000007", "0", "1000")
            for node in [target, source] {
                try node.command("CLUSTER", "SETSLOT", "\(slot)", "NODE", try RedisCluster.id(target))
            }
        }
    }

    /// Four machines ask as fast as they are answered, for a second ahead of the interruption and one behind it.
    private static func load(_ port: UInt16, interrupted: () throws -> Void) throws {
        let loop = try EventLoop()
        let machines = try (0..<4).map { _ in try StoreBench(StoreBench.settings(port), loop: loop) }
        try #require(machines.allSatisfy { $0.isUp() })
        try ask(machines, loop)
        try interrupted()
        try ask(machines, loop)
        let answers = machines.flatMap { $0.answers.values }
        #expect(answers.contains { $0.waits != nil })
        #expect(!answers.contains { $0.loss != nil })
        let moments = Self.moments(answers)
        #expect(moments.count > 100)
        for machine in machines { #expect(!Self.moments(Array(machine.answers.values)).isEmpty) }
        Self.expectWithinLimit(moments)
    }

    private static func ask(_ machines: [StoreBench], _ loop: EventLoop) throws {
        let end = Instant.current() + Sample.second
        while Instant.current() < end {
            for machine in machines where machine.open < 100 {
                for _ in 0..<3 { _ = try machine.begin(.charge([Sample.charge("all", rate)])).get() }
            }
            loop.turn(atMost: 2)
        }
        try #require(machines[0].until { machines.allSatisfy { $0.open == 0 } })
    }

    @Test func `the server's arithmetic is Throttle's, to the nanosecond`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(server)
        try #require(bench.isUp())
        for rate in [Sample.rate(7, per: Sample.second, burst: 9), Self.rate, Sample.rate(999_983, burst: 3)] {
            var arrival: UInt64 = 0
            let name = "k\(rate.interval)"
            for round in 0..<200 {
                let cost = UInt64(round % 3 + 1)
                let charge = Sample.charge(name, rate, cost: cost)
                switch bench.charge(charge) {
                case .charged(let receipts):
                    let now = receipts[0].since - (receipts[0].owed - rate.interval * cost)
                    #expect(receipts[0].since == max(arrival, now))
                    #expect(rate.charge(&arrival, cost: cost, now: now))
                    #expect(arrival == now + receipts[0].owed)
                case .exceeded(let waits):
                    // The moment is what makes the wait what it is; the next charge that passes tells whether it was so.
                    let price = rate.interval * cost
                    let now = arrival + price - rate.tolerance - waits[0]
                    #expect(rate.wait(arrival, cost: cost, now: now) == waits[0])
                case .owed, .lost: Issue.record("no answer")
                }
                let owed = try #require(bench.ask(.peek([charge])).owed?.first)
                #expect(owed <= rate.tolerance)
            }
        }
    }

    @Test func `a refund gives back what was charged, but for what has drained`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(server)
        try #require(bench.isUp())
        let rate = Sample.rate(1000, per: Sample.second, burst: 50)
        var arrival: UInt64 = 0
        for round in 0..<100 {
            let cost = UInt64(round % 4 + 1)
            let charge = Sample.charge("r", rate, cost: cost)
            guard let kept = bench.charge(charge).receipts?.first, let given = bench.charge(charge).receipts?.first
            else {
                continue
            }
            bench.store?.refund([given])
            guard let next = bench.charge(charge).receipts?.first else { continue }
            let now = next.since - (next.owed - rate.interval * cost)
            // The refund came between the two charges: its own moment is not told, so there are two bounds.
            var (earliest, latest) = (given.since + rate.interval * cost, given.since + rate.interval * cost)
            rate.refund(&earliest, cost: cost, since: given.since, now: given.since)
            rate.refund(&latest, cost: cost, since: given.since, now: now)
            #expect(next.since >= max(earliest, now) && next.since <= max(latest, now))
            #expect(kept.since >= arrival)
            arrival = kept.since
        }
        #expect(arrival > 0)
    }
}
