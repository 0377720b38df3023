import Bytes
import Foundation
import Reactor
import SharedStore
import Testing
import Throttle

/// Questions to a real Redis Cluster.
@Suite(.serialized, .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct ClusterTests {
    private static let rate = Sample.rate(1, burst: 5)

    private static func slot(_ user: String) -> Int { Int(KeySlot(of: Array(user.utf8)).number) }

    private static func bench(_ cluster: RedisCluster) throws -> StoreBench {
        let bench = try StoreBench(StoreBench.settings(cluster.masters[0].port))
        try #require(bench.isUp())
        return bench
    }

    @Test func `one seed leads to all masters, and each key has one bucket`() throws {
        let cluster = try RedisCluster()
        let (one, other) = (try Self.bench(cluster), try Self.bench(cluster))
        for number in 0..<60 {
            let charge = Sample.charge("user\(number)", Self.rate, cost: 3)
            #expect(one.charge(charge).receipts != nil)
            #expect(other.charge(charge).waits != nil)
        }
        for node in cluster.masters { #expect(try Int(node.command("DBSIZE")) ?? 0 > 5) }
        #expect(one.standings == [.up])
    }

    @Test func `a decision over several slots charges all or gives back`() throws {
        let cluster = try RedisCluster()
        let bench = try Self.bench(cluster)
        let users = ["a", "b", "c", "d", "e"].map { Sample.charge($0, Self.rate, cost: 2) }
        #expect(Set(users.map { Self.slot(String(decoding: $0.name.key, as: UTF8.self)) }).count == 5)
        #expect(bench.ask(.charge(users)).receipts?.map(\.charge) == users)
        let last = Sample.charge("e", Self.rate, cost: 2)
        #expect(bench.charge(last).receipts != nil)
        let waits = try #require(bench.ask(.charge(users)).waits)
        #expect(waits[..<4].allSatisfy { $0 == 0 } && waits[4] > 0)
        let owed = try #require(bench.ask(.peek(users)).owed)
        #expect(owed[..<4].allSatisfy { $0 <= 2 * 3600 * Sample.second })
        #expect(owed[4] > 3 * 3600 * Sample.second)
    }

    @Test func `while a master is away the others answer, and it is found again`() throws {
        let cluster = try RedisCluster()
        let bench = try Self.bench(cluster)
        let lost = cluster.masters[1]
        // Without a full cluster nodes refuse everything, unless they are told otherwise.
        for node in cluster.masters { try node.command("CONFIG", "SET", "cluster-require-full-coverage", "no") }
        let user = try #require(try Self.user(of: lost, in: cluster))
        let spared = try #require(try Self.user(of: cluster.masters[2], in: cluster))
        lost.end()
        try #require(bench.until { bench.charge(Sample.charge(user, Self.rate)).loss == .disconnected })
        #expect(bench.standing != .up)
        #expect(bench.charge(Sample.charge(spared, Self.rate)).receipts != nil)
        // A question over both gives back what it has charged.
        #expect(bench.charge(Sample.charge(spared, Self.rate, cost: 2), Sample.charge(user, Self.rate)).loss != nil)
        #expect(bench.charge(Sample.charge(spared, Self.rate, cost: 4)).receipts != nil)
        try lost.start()
        try #require(bench.until { bench.standing == .up })
        try #require(bench.until { bench.charge(Sample.charge(user, Self.rate)).receipts != nil })
    }

    @Test func `a replica that takes over is found by itself`() throws {
        let cluster = try RedisCluster(replicated: true)
        let bench = try Self.bench(cluster)
        let user = try #require(try Self.user(of: cluster.masters[0], in: cluster))
        #expect(bench.charge(Sample.charge(user, Self.rate)).receipts != nil)
        cluster.masters[0].end()
        try #require(bench.until { bench.standing != .up })
        try #require(bench.until { bench.standing == .up })
        try #require(bench.until { bench.charge(Sample.charge(user, Self.rate)).receipts != nil })
    }

    @Test func `a slot that moves is followed, key by key and for good`() throws {
        let cluster = try RedisCluster()
        let bench = try Self.bench(cluster)
        let (source, target) = (cluster.masters[0], cluster.masters[1])
        let user = try #require(try Self.user(of: source, in: cluster))
        let slot = "\(Self.slot(user))"
        let (hour, day) = (Sample.charge(user, Self.rate, family: 1), Sample.charge(user, Self.rate, family: 2))
        #expect(bench.charge(hour, day).receipts?.count == 2)
        try target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", try RedisCluster.id(source))
        try source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", try RedisCluster.id(target))
        let key = "portreeve:{\(user)}:0000000000000002"
        #expect(try source.command("MIGRATE", "127.0.0.1", "\(target.port)", key, "0", "1000") == "OK")
        // One is here and one is there: the server can say neither yes nor no to both.
        let receipts = try #require(bench.charge(hour, day).receipts)
        #expect(receipts.allSatisfy { $0.owed > 3600 * Sample.second })
        #expect(bench.charge(Sample.charge(user, Self.rate, family: 9)).receipts != nil)
        #expect(try target.command("CLUSTER", "COUNTKEYSINSLOT", slot) == "2")
        let left = "portreeve:{\(user)}:0000000000000001"
        #expect(try source.command("MIGRATE", "127.0.0.1", "\(target.port)", left, "0", "1000") == "OK")
        for node in [target, source, cluster.masters[2]] {
            try node.command("CLUSTER", "SETSLOT", slot, "NODE", try RedisCluster.id(target))
        }
        #expect(bench.charge(hour, day).receipts?.allSatisfy { $0.owed > 2 * 3600 * Sample.second } == true)
        #expect(bench.standings == [.up])
    }

    @Test func `a node that does not show the map is no store, and says why`() throws {
        let cluster = try RedisCluster()
        let node = cluster.masters[0]
        try node.command("ACL", "SETUSER", "blind", "on", ">pw", "~*", "+@all", "-cluster")
        let bench = try StoreBench(StoreBench.settings(node.port, user: "blind", password: "pw"))
        try #require(bench.isUp())
        let elsewhere = try #require(try Self.user(of: cluster.masters[1], in: cluster))
        #expect(bench.charge(Sample.charge(elsewhere, Self.rate)).loss == .refused)
        guard case .lost(.refused, let detail) = bench.standing else {
            Issue.record("\(bench.standings)")
            return
        }
        #expect(detail.hasPrefix("MOVED ") && detail.contains("CLUSTER SLOTS"))
    }

    /// A name whose buckets are this master's.
    private static func user(of node: RedisServer, in cluster: RedisCluster) throws -> String? {
        guard let index = cluster.masters.firstIndex(where: { $0 === node }) else { return nil }
        let count = cluster.masters.count
        let slots = (index * 16384 / count)..<((index + 1) * 16384 / count)
        return (0..<1000).map { "user\($0)" }.first { slots.contains(slot($0)) }
    }
}
