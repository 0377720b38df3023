import Configuration
import Enforcement
import Reactor
import SharedStore
import Telemetry
import Throttle

// The shared store, as the whole process sees it: whether it is there, and the bans that all machines share.

extension Supervisor: StoreNewsReader {
    /// Nanoseconds by which two machines may see the end of one ban differently.
    private static var sameEnd: UInt64 { 2_000_000_000 }

    func openStore() {
        guard let storeSettings else { return }
        let desk = SharedStoreDesk(storeSettings, loop: loop, reader: self)
        self.desk = desk
        desk.start()
    }

    func storeChanged(_ standing: StoreStanding) {
        storeChanged(StoreWatch.desk, standing)
    }

    /// Connection `number` has come or gone.
    func storeChanged(_ number: Int, _ standing: StoreStanding) {
        if let line = storeWatch?.changed(number, standing), !isEnding { complain(line) }
    }

    // MARK: Bans

    /// Tells the other machines of a ban that began or was prolonged here.
    func share(_ subject: BanSubject) {
        let now = Instant.current().nanoseconds
        guard let desk, let entry = compiler.peers.bans.entry(subject, now: now) else { return }
        desk.ban(SharedBan(entry, now: now))
    }

    func storeTold(_ news: StoreNews) {
        switch news {
        case .banned(let ban): adopt(ban)
        case .lifted(let subject): lifted(subject)
        case .reset(let name): _ = compiler.buckets.reset(name)
        case .bans(let all): compare(with: all)
        }
    }

    /// After each connection: what the store does not hold (it told before what was lifted) it is told again.
    private func compare(with all: [SharedBan]) {
        for ban in all { adopt(ban) }
        let known = Set(all.map(\.subject))
        for entry in compiler.peers.bans.all(now: Instant.current().nanoseconds) where !known.contains(entry.subject) {
            share(entry.subject)
        }
    }

    private func adopt(_ ban: SharedBan) {
        let now = Instant.current().nanoseconds
        let entry = BanEntry(ban, now: now)
        if let known = compiler.peers.bans.entry(ban.subject, now: now), known.until &+ Self.sameEnd >= entry.until {
            return
        }
        switch compiler.peers.bans.ban(entry) {
        case .began, .prolonged: if case .net(let net) = ban.subject { announce(net) }
        case .unchanged, .immune: break
        }
    }

    private func lifted(_ subject: BanSubject) {
        guard compiler.peers.bans.lift(subject, now: Instant.current().nanoseconds) else { return }
        endBan(subject)
        complain("the ban of \(subject) was lifted on another machine")
    }
}

extension SharedBan {
    init(_ entry: BanEntry, now: UInt64) {
        self.init(
            entry.subject, age: now > entry.since ? now - entry.since : 0,
            remaining: entry.until > now ? entry.until - now : 0, reason: entry.reason, isManual: entry.isManual,
            isProxied: entry.isProxied)
    }
}

extension BanEntry {
    init(_ ban: SharedBan, now: UInt64) {
        self.init(
            ban.subject, since: now > ban.age ? now - ban.age : 0,
            until: now.addingReportingOverflow(ban.remaining).partialValue, reason: ban.reason, isManual: ban.isManual,
            isProxied: ban.isProxied)
    }
}

extension RedisPlan {
    /// As operators know it, without a password.
    var name: String {
        let scheme = tls == nil ? "redis" : "rediss"
        return "\(scheme)://\(servers.map(\.description).joined(separator: ","))/\(database)"
    }
}
