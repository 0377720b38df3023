import Bytes
import Foundation
import Reactor
import SharedStore
import Testing
import Throttle

/// Servers that are killed, frozen, slow, full, or do not let us in.
@Suite(.serialized, .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct LossTests {
    private static let rate = Sample.rate(1, burst: 100)

    /// The product's own patience.
    private static func quick(_ server: RedisServer) -> StoreSettings {
        var settings = StoreBench.settings(server.port)
        settings.patience = StorePatience()
        return settings
    }

    private func loss(_ standing: StoreStanding?) -> (reason: StoreLossReason, detail: String)? {
        if case .lost(let reason, let detail) = standing { (reason, detail) } else { nil }
    }

    @Test func `a server that is killed is lost at once and comes back by itself`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(server)
        try #require(bench.isUp())
        server.signal(SIGSTOP)
        let open = try (0..<5).map { _ in try bench.begin(.charge([Sample.charge("a", Self.rate)])).get() }
        bench.loop.turn(atMost: 0)
        server.end()
        try #require(bench.until { open.allSatisfy { bench.answers[$0] == .lost(.disconnected) } })
        #expect(bench.charge(Sample.charge("a", Self.rate)).loss == .disconnected)
        try server.start()
        try #require(bench.until { bench.standing == .up })
        #expect(bench.charge(Sample.charge("a", Self.rate)).receipts != nil)
        #expect(bench.standings.count == 3)
        #expect(loss(bench.standings[1])?.detail.contains(":\(server.port)") == true)
        #expect(bench.twice.isEmpty)
    }

    @Test func `a frozen server costs one wait, and late charges are given back`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(Self.quick(server))
        try #require(bench.isUp())
        server.signal(SIGSTOP)
        let open = try (0..<5).map { _ in try bench.begin(.charge([Sample.charge("b", Self.rate)])).get() }
        try #require(bench.until { open.allSatisfy { bench.answers[$0] == .lost(.late) } })
        guard case .failure(let refusal) = bench.begin(.charge([Sample.charge("b", Self.rate)])) else {
            Issue.record("a question was taken for a frozen server")
            return
        }
        #expect(refusal.reason == .late)
        server.signal(SIGCONT)
        try #require(bench.until { bench.standing == .up })
        // Behind the refunds, which were written first.
        #expect(try owed(by: "b", server) == 0)
        #expect(bench.twice.isEmpty)
        #expect(loss(bench.standings[1])?.reason == .late)
    }

    @Test func `a server that stays frozen is given up, and found again`() throws {
        let server = try RedisServer()
        var settings = Self.quick(server)
        settings.patience.stall = 100_000_000
        let bench = try StoreBench(settings)
        try #require(bench.isUp())
        server.signal(SIGSTOP)
        let open = try bench.begin(.charge([Sample.charge("c", Self.rate)])).get()
        try #require(bench.until { bench.answers[open] != nil })
        try #require(
            bench.until {
                if case .failure(let refusal) = bench.begin(.peek([Sample.charge("c", Self.rate)])) {
                    refusal.reason == .disconnected
                } else {
                    false
                }
            })
        server.signal(SIGCONT)
        try #require(bench.until { bench.standing == .up })
        #expect(bench.standings.count == 3)
    }

    @Test func `a server that is slow for a while is asked again when it is quick`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(Self.quick(server))
        try #require(bench.isUp())
        #expect(try server.command("CLIENT", "PAUSE", "300", "ALL") == "OK")
        #expect(bench.charge(Sample.charge("d", Self.rate)).loss == .late)
        try #require(bench.until { bench.standing == .up && bench.standings.count == 3 })
        #expect(try owed(by: "d", server) == 0)
    }

    @Test func `a server that is full says so until it has room`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(server)
        try #require(bench.isUp())
        #expect(try server.command("CONFIG", "SET", "maxmemory", "1") == "OK")
        #expect(bench.charge(Sample.charge("e", Self.rate)).loss == .refused)
        #expect(bench.charge(Sample.charge("e", Self.rate)).loss == .refused)
        #expect(loss(bench.standing)?.detail.hasPrefix("OOM") == true)
        #expect(bench.standings.count == 2)
        #expect(try server.command("CONFIG", "SET", "maxmemory", "0") == "OK")
        #expect(bench.charge(Sample.charge("e", Self.rate)).receipts != nil)
        #expect(bench.standings.last == .up)
    }

    @Test func `a wrong password is refused in the server's words, and the password is not among them`() throws {
        let server = try RedisServer(["--requirepass", "correct-horse"])
        let settings = StoreBench.settings(server.port, password: "wrong-horse")
        let refused = try StoreBench(settings)
        try #require(refused.until { refused.standing != nil })
        #expect(loss(refused.standing)?.reason == .refused)
        #expect(loss(refused.standing)?.detail.contains("WRONGPASS") == true)
        #expect(!"\(refused.standings) \(settings)".contains("horse"))
        let none = try StoreBench(Self.quick(server))
        try #require(none.until { none.standing != nil })
        #expect(loss(none.standing)?.detail.contains("NOAUTH") == true)
        let right = try StoreBench(StoreBench.settings(server.port, password: "correct-horse"))
        #expect(right.isUp())
    }

    @Test func `a replica is passed over, and alone it is no store`() throws {
        let master = try RedisServer()
        let replica = try RedisServer(["--replicaof", "127.0.0.1", "\(master.port)"])
        let bench = try StoreBench(StoreBench.settings(replica.port, master.port))
        try #require(bench.isUp())
        #expect(bench.charge(Sample.charge("g", Self.rate)).receipts != nil)
        let alone = try StoreBench(replica)
        try #require(alone.until { alone.standing != nil })
        #expect(loss(alone.standing)?.detail.contains("read-only replica") == true)
    }

    @Test func `a master that becomes a replica is left`() throws {
        let (first, second) = (try RedisServer(), try RedisServer())
        let bench = try StoreBench(StoreBench.settings(first.port, second.port))
        try #require(bench.isUp())
        #expect(try first.command("REPLICAOF", "127.0.0.1", "\(second.port)") == "OK")
        #expect(bench.charge(Sample.charge("h", Self.rate)).loss == .refused)
        try #require(bench.until { bench.standing == .up && bench.standings.count > 1 })
        #expect(bench.charge(Sample.charge("h", Self.rate)).receipts != nil)
    }

    @Test func `a server without room for another client is tried again`() throws {
        let server = try RedisServer()
        let first = try StoreBench(server)
        try #require(first.isUp())
        #expect(try server.command("CONFIG", "SET", "maxclients", "1") == "OK")
        let second = try StoreBench(server)
        // Its words may be lost with the connection, which it closes as it speaks.
        try #require(second.until { second.standing != nil })
        #expect(loss(second.standing) != nil)
        first.store?.stop()
        try #require(second.until { second.standing == .up })
    }

    @Test func `where nobody listens the store is lost, and it is told once`() throws {
        let bench = try StoreBench(StoreBench.settings(try RedisServer.freePort()))
        try #require(bench.until { bench.standing != nil })
        #expect(loss(bench.standing)?.reason == .disconnected)
        #expect(bench.charge(Sample.charge("i", Self.rate)).loss == .disconnected)
    }

    @Test func `a name is looked up, and a name that does not exist is said`() throws {
        let server = try RedisServer()
        var settings = StoreBench.settings()
        settings.servers = [StoreServer(host: "localhost", port: server.port)]
        #expect(try StoreBench(settings).isUp())
        settings.servers = [StoreServer(host: "no-such-name.invalid", port: server.port)]
        let bench = try StoreBench(settings)
        try #require(bench.until { bench.standing != nil })
        #expect(loss(bench.standing)?.detail.contains("no-such-name.invalid") == true)
    }

    /// What the server holds against a key, by another connection.
    private func owed(by key: String, _ server: RedisServer) throws -> UInt64? {
        let bench = try StoreBench(server)
        try #require(bench.isUp())
        return bench.ask(.peek([Sample.charge(key, Self.rate)])).owed?.first
    }
}
