import Bytes
import Reactor
import SharedStore
import Testing
import Throttle

/// Machines that share bans: each has a desk, all turn on one loop.
private final class Machine: StoreNewsReader {
    let desk: Box
    private(set) var news: [StoreNews] = []
    private(set) var standings: [StoreStanding] = []

    /// The desk wants its reader first.
    final class Box {
        var desk: SharedStoreDesk?
    }

    init(_ settings: StoreSettings, _ loop: EventLoop) {
        desk = Box()
        let made = SharedStoreDesk(settings, loop: loop, reader: self)
        desk.desk = made
        made.start()
    }

    deinit { desk.desk?.stop() }

    func storeTold(_ news: StoreNews) { self.news.append(news) }
    func storeChanged(_ standing: StoreStanding) { standings.append(standing) }

    /// The lists of all bans so far.
    var lists: [[SharedBan]] { news.compactMap { if case .bans(let all) = $0 { all } else { nil } } }
    var bans: [SharedBan] { news.compactMap { if case .banned(let ban) = $0 { ban } else { nil } } }
    var lifted: [BanSubject] { news.compactMap { if case .lifted(let subject) = $0 { subject } else { nil } } }
    var resets: [BucketName] { news.compactMap { if case .reset(let name) = $0 { name } else { nil } } }
}

@Suite(.serialized, .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct DeskTests {
    private let loop: EventLoop
    private static let hour = 3600 * Sample.second

    init() throws { loop = try EventLoop() }

    private func until(_ holds: () -> Bool) -> Bool {
        let deadline = Instant.current() + 30_000_000_000
        while !holds() {
            if Instant.current() > deadline { return false }
            loop.turn(atMost: 50)
        }
        return true
    }

    private func machine(_ server: RedisServer) -> Machine { Machine(StoreBench.settings(server.port), loop) }

    private static func ban(
        _ subject: BanSubject, for remaining: UInt64 = hour, reason: String = "inbound/guess", isManual: Bool = false
    ) -> SharedBan {
        SharedBan(
            subject, age: 5 * Sample.second, remaining: remaining, reason: reason, isManual: isManual, isProxied: false)
    }

    private static let net = AddressPrefix("192.0.2.7/32").map { BanSubject.net($0) } ?? .user([])
    private static let wide = AddressPrefix("2001:db8::/48").map { BanSubject.net($0) } ?? .user([])

    @Test func `a ban on one machine is known to the other, with its reason and its end`() throws {
        let server = try RedisServer()
        let (one, other) = (machine(server), machine(server))
        try #require(until { one.lists.count == 1 && other.lists.count == 1 })
        #expect(one.lists == [[]])
        #expect(one.desk.desk?.ban(Self.ban(Self.net, reason: "spam & more\nthan that")) == true)
        #expect(one.desk.desk?.ban(Self.ban(.user(Array("mal lory".utf8)), isManual: true)) == true)
        try #require(until { other.bans.count == 2 && one.bans.count == 2 })
        #expect(other.bans[0].subject == Self.net)
        #expect(other.bans[0].reason == "spam & more\nthan that")
        #expect(other.bans[0].remaining <= Self.hour && other.bans[0].remaining > Self.hour - 20 * Sample.second)
        #expect(other.bans[0].age >= 5 * Sample.second)
        #expect(other.bans[1].subject == .user(Array("mal lory".utf8)))
        #expect(other.bans[1].isManual && !other.bans[0].isManual)
    }

    @Test func `a ban is prolonged and never shortened, and a ban by hand stays one`() throws {
        let server = try RedisServer()
        let (one, other) = (machine(server), machine(server))
        try #require(until { one.lists.count == 1 && other.lists.count == 1 })
        one.desk.desk?.ban(Self.ban(Self.wide, reason: "by hand", isManual: true))
        one.desk.desk?.ban(Self.ban(Self.wide, for: 60 * Sample.second, reason: "short"))
        one.desk.desk?.ban(Self.ban(Self.wide, for: 2 * Self.hour, reason: "longer"))
        try #require(until { other.bans.last?.reason == "longer" })
        #expect(other.bans.last?.isManual == true)
        #expect((other.bans.last?.remaining ?? 0) > Self.hour)
        #expect(!other.bans.contains { $0.reason == "short" })
        let late = machine(server)
        try #require(until { late.lists.count == 1 })
        #expect(late.lists[0].map(\.reason) == ["longer"])
    }

    @Test func `a ban that is lifted is lifted everywhere, for those who were away as well`() throws {
        let server = try RedisServer()
        let (one, other) = (machine(server), machine(server))
        try #require(until { one.lists.count == 1 && other.lists.count == 1 })
        one.desk.desk?.ban(Self.ban(Self.net))
        try #require(until { other.bans.count == 1 })
        other.desk.desk?.lift(Self.net)
        try #require(until { one.lifted == [Self.net] && other.lifted == [Self.net] })
        let late = machine(server)
        try #require(until { late.lists.count == 1 })
        #expect(late.lists == [[]])
        #expect(late.news.first == .lifted(Self.net))
    }

    @Test func `a machine that loses the store lists everything when it is back, and so after the store lost all`()
        throws
    {
        let server = try RedisServer()
        let (one, other) = (machine(server), machine(server))
        try #require(until { one.lists.count == 1 && other.lists.count == 1 })
        one.desk.desk?.ban(Self.ban(Self.net))
        try #require(until { other.bans.count == 1 })
        // It keeps nothing on disk, so what it knew is gone.
        server.end()
        try #require(until { one.standings.count == 2 && other.standings.count == 2 })
        #expect(one.desk.desk?.ban(Self.ban(Self.wide)) == false)
        try server.start()
        try #require(until { one.lists.count == 2 && other.lists.count == 2 })
        #expect(one.lists[1].isEmpty)
        one.desk.desk?.ban(Self.ban(Self.net))
        try #require(until { other.bans.count == 2 })
        #expect(try server.command("FLUSHALL") == "OK")
        try #require(until { one.lists.count == 3 && other.lists.count == 3 })
    }

    @Test func `more bans than fit one answer are all listed`() throws {
        let server = try RedisServer()
        let one = machine(server)
        try #require(until { one.lists.count == 1 })
        for number in 0..<500 { one.desk.desk?.ban(Self.ban(.user(Array("u\(number)".utf8)))) }
        try #require(until { one.bans.count == 500 })
        let other = machine(server)
        try #require(until { other.lists.count == 1 })
        #expect(Set(other.lists[0].map(\.subject)).count == 500)
    }

    @Test func `buckets are shown with their names, and a reset empties one and tells all`() throws {
        let server = try RedisServer()
        let bench = try StoreBench(StoreBench.settings(server.port), loop: loop)
        try #require(bench.isUp())
        let rate = Sample.rate(1, burst: 10)
        let names = (0..<300).map { BucketName(family: UInt64($0), key: Array("user \($0)\u{0}x{y}%".utf8)) }
        for name in names { #expect(bench.charge(BucketCharge(name, rate: rate)).receipts != nil) }
        let (one, other) = (machine(server), machine(server))
        try #require(until { one.lists.count == 1 && other.lists.count == 1 })
        one.desk.desk?.ban(Self.ban(Self.net))
        var found: [StoredBucket]??
        one.desk.desk?.buckets(atMost: 1000) { found = .some($0) }
        try #require(until { found != nil })
        let buckets = try #require(found ?? nil)
        #expect(Set(buckets.map(\.name)) == Set(names))
        #expect(buckets.allSatisfy { $0.owed > 3500 * Sample.second && $0.owed <= 3600 * Sample.second })
        #expect(one.desk.desk?.reset(names[3]) == true)
        try #require(until { one.resets == [names[3]] && other.resets == [names[3]] })
        #expect(bench.ask(.peek([BucketCharge(names[3], rate: rate)])).owed == [0])
        var few: [StoredBucket]??
        one.desk.desk?.buckets(atMost: 5) { few = .some($0) }
        try #require(until { few != nil })
        #expect((few ?? nil)?.count == 5)
    }

    /// As docs/OPERATING.md shows it.
    private static let rights =
        "~portreeve:* resetchannels -@all +ping +select +role +cluster|slots +asking +script|load +evalsha +time +mget +get "
        + "+set +del +scan +hsetnx +hset +hget +hmget +hdel +hlen +hincrby +zadd +zrem +zrange +zrangebyscore +zscore"

    @Test func `a user of the server with the rights that the manual names can do everything, in a database of ours`()
        throws
    {
        let server = try RedisServer(
            ["--user", "portreeve", "on", ">secret"] + Self.rights.split(separator: " ").map(String.init))
        let settings = StoreBench.settings(server.port, user: "portreeve", password: "secret", database: 3)
        let bench = try StoreBench(settings, loop: loop)
        try #require(bench.isUp())
        let charge = Sample.charge("f", Sample.rate(1, burst: 9))
        let receipts = try #require(bench.charge(charge).receipts)
        bench.store?.refund(receipts)
        #expect(bench.ask(.peek([charge])).owed == [0])
        #expect(bench.charge(charge).receipts != nil)
        #expect(try server.command("-n", "3", "DBSIZE") == "1")
        #expect(try server.command("DBSIZE") == "0")
        let one = Machine(settings, loop)
        try #require(until { one.lists.count == 1 })
        one.desk.desk?.ban(Self.ban(Self.net))
        one.desk.desk?.ban(Self.ban(Self.net, for: 2 * Self.hour))
        one.desk.desk?.lift(Self.net)
        var found: [StoredBucket]??
        one.desk.desk?.buckets(atMost: 9) { found = .some($0) }
        try #require(until { found != nil })
        #expect((found ?? nil)?.map(\.name) == [charge.name])
        one.desk.desk?.reset(charge.name)
        try #require(until { one.lifted == [Self.net] && one.resets == [charge.name] })
        #expect(one.standings == [.up])
    }

    @Test func `without a store nothing is promised`() throws {
        let one = Machine(StoreBench.settings(try RedisServer.freePort()), loop)
        try #require(until { !one.standings.isEmpty })
        #expect(one.desk.desk?.ban(Self.ban(Self.net)) == false)
        #expect(one.desk.desk?.lift(Self.net) == false)
        #expect(one.desk.desk?.reset(BucketName(family: 1, key: [])) == false)
        var found: [StoredBucket]?? = .none
        one.desk.desk?.buckets(atMost: 5) { found = .some($0) }
        #expect(found == .some(nil))
    }
}
