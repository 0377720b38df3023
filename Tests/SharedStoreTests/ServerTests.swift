import Bytes
import Foundation
import SharedStore
import Testing
import Throttle

/// Questions to a real server.
@Suite(.serialized, .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct ServerTests {
    @Test func `a burst passes, the next event waits, and the wait is the limit's`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(server)
        try #require(bench.isUp())
        let rate = Sample.rate(3600, burst: 3)
        for place in 1...3 {
            let receipts = try #require(bench.charge(Sample.charge("alice", rate)).receipts)
            #expect(receipts.count == 1)
            #expect(receipts[0].owed <= UInt64(place) * Sample.second)
            #expect(receipts[0].owed > UInt64(place - 1) * Sample.second)
        }
        let waits = try #require(bench.charge(Sample.charge("alice", rate)).waits)
        #expect(waits.count == 1 && waits[0] > 0 && waits[0] <= Sample.second)
        #expect(bench.charge(Sample.charge("bob", rate)).receipts != nil)
        #expect(bench.twice.isEmpty)
    }

    @Test func `all limits are charged or none`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(server)
        try #require(bench.isUp())
        let (wide, narrow) = (Sample.rate(1, burst: 100), Sample.rate(1, burst: 1))
        let both = [Sample.charge("carol", wide, family: 1), Sample.charge("carol", narrow, family: 2)]
        #expect(bench.ask(.charge(both)).receipts?.count == 2)
        let waits = try #require(bench.ask(.charge(both)).waits)
        #expect(waits[0] == 0 && waits[1] > 3599 * Sample.second)
        let owed = try #require(bench.ask(.peek(both)).owed)
        #expect(owed[0] > 3599 * Sample.second && owed[0] <= 3600 * Sample.second)
    }

    @Test func `what is given back can be spent again, and no more than that`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(server)
        try #require(bench.isUp())
        let rate = Sample.rate(1, burst: 2)
        let first = try #require(bench.charge(Sample.charge("dave", rate)).receipts)
        #expect(bench.charge(Sample.charge("dave", rate)).receipts != nil)
        #expect(bench.charge(Sample.charge("dave", rate)).waits != nil)
        bench.store?.refund(first)
        #expect(bench.charge(Sample.charge("dave", rate)).receipts != nil)
        #expect(bench.charge(Sample.charge("dave", rate)).waits != nil)
    }

    @Test func `an empty bucket leaves nothing behind, and one that is not empty expires by itself`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(server)
        try #require(bench.isUp())
        let receipts = try #require(bench.charge(Sample.charge("erin", Sample.rate(60, burst: 2))).receipts)
        let left = try #require(Int(try server.command("PTTL", "portreeve:{erin}:0000000000000007")))
        #expect(left > 50_000 && left <= 60_001)
        bench.store?.refund(receipts)
        #expect(bench.ask(.peek([Sample.charge("erin", Sample.rate(60, burst: 2))])).owed == [0])
        #expect(try server.command("DBSIZE") == "0")
    }

    @Test func `a price above the burst never passes, and huge numbers neither trap nor pass`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(server)
        try #require(bench.isUp())
        #expect(bench.charge(Sample.charge("f", Sample.rate(1, burst: 5), cost: 6)).waits == [.max])
        let endless = RateLimit(count: 1, period: .max, burst: .max)
        #expect(bench.charge(Sample.charge("g", endless)).receipts?.first?.owed == .max)
        #expect(bench.charge(Sample.charge("g", endless, cost: .max)).loss == nil)
    }

    @Test func `a key may be any octets`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(server)
        try #require(bench.isUp())
        let rate = Sample.rate(1, burst: 1)
        for key in [[], Array(0...255), Array("a{b}c\r\n$5\r\n".utf8)] as [[UInt8]] {
            let charge = BucketCharge(BucketName(family: .max, key: key), rate: rate)
            #expect(bench.ask(.charge([charge])).receipts != nil)
            #expect(bench.ask(.charge([charge])).waits != nil)
        }
    }

    @Test func `a server that has forgotten its scripts is taught them again`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(server)
        try #require(bench.isUp())
        #expect(try server.command("SCRIPT", "FLUSH") == "OK")
        #expect(bench.charge(Sample.charge("h", Sample.rate(1, burst: 9))).receipts != nil)
        #expect(bench.standings == [.up])
    }

    @Test func `questions of one turn are answered each by its own`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(server)
        try #require(bench.isUp())
        let rate = Sample.rate(1, burst: 50)
        let tickets = try (0..<200).map { try bench.begin(.charge([Sample.charge("u\($0 % 2)", rate)])).get() }
        try #require(bench.until { tickets.allSatisfy { bench.answers[$0] != nil } })
        let passed = tickets.map { bench.answers[$0]?.receipts != nil }
        #expect(passed == (0..<200).map { $0 < 100 })
    }
}
