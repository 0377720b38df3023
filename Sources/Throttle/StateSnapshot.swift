// What outlives the process: buckets, bans and good logins, as octets with a version and a checksum.

public import Bytes

/// The state of one moment.
///
/// Times are nanoseconds relative to that moment, so that the clock of the next process, which
/// counts from somewhere else, can take them over.
public struct StateSnapshot: Equatable, Sendable {
    public struct Bucket: Equatable, Sendable {
        public let name: BucketName
        /// Nanoseconds until it would be empty.
        public let owed: UInt64

        public init(name: BucketName, owed: UInt64) {
            self.name = name
            self.owed = owed
        }
    }

    public struct Ban: Equatable, Sendable {
        public let subject: BanSubject
        public let age: UInt64
        public let left: UInt64
        public let reason: String
        public let isManual: Bool
        public let isProxied: Bool

        public init(
            subject: BanSubject, age: UInt64, left: UInt64, reason: String, isManual: Bool, isProxied: Bool
        ) {
            self.subject = subject
            self.age = age
            self.left = left
            self.reason = reason
            self.isManual = isManual
            self.isProxied = isProxied
        }
    }

    public struct GoodLogin: Equatable, Sendable {
        public let user: [UInt8]
        public let net: AddressPrefix
        public let age: UInt64

        public init(user: [UInt8], net: AddressPrefix, age: UInt64) {
            self.user = user
            self.net = net
            self.age = age
        }
    }

    /// Wall-clock nanoseconds since 1970.
    public var savedAt: Int64
    public var buckets: [Bucket] = []
    public var bans: [Ban] = []
    public var logins: [GoodLogin] = []

    public init(savedAt: Int64) {
        self.savedAt = savedAt
    }
}

// MARK: From and to the books

extension StateSnapshot {
    /// What is worth keeping of `buckets` and `peers` at `now`, nanoseconds of their clock.
    public init(of buckets: LimitTable, _ peers: PeerBooks, now: UInt64, savedAt: Int64) {
        self.init(savedAt: savedAt)
        buckets.forEach { name, arrival in
            if arrival > now { self.buckets.append(Bucket(name: name, owed: arrival - now)) }
        }
        bans = peers.bans.all(now: now).map { entry in
            Ban(
                subject: entry.subject, age: now > entry.since ? now - entry.since : 0, left: entry.until - now,
                reason: entry.reason, isManual: entry.isManual, isProxied: entry.isProxied)
        }
        peers.logins.forEachGood { user, net, time in
            logins.append(GoodLogin(user: user, net: net, age: now > time ? now - time : 0))
        }
    }

    /// Gives it back; `wall` is the wall clock's nanoseconds now.
    ///
    /// A wall clock that was set back makes nothing older and nothing stricter than it was when it was saved.
    public func restore(to buckets: LimitTable, _ peers: PeerBooks, now: UInt64, wall: Int64) {
        let (difference, overflow) = wall.subtractingReportingOverflow(savedAt)
        let elapsed = overflow ? 0 : UInt64(max(0, difference))
        for bucket in self.buckets where bucket.owed > elapsed {
            buckets.restore(bucket.name, arrival: now &+ (bucket.owed - elapsed))
        }
        for ban in bans where ban.left > elapsed {
            let age = ban.age.addingReportingOverflow(elapsed).partialValue
            _ = peers.bans.ban(
                BanEntry(
                    ban.subject, since: now > age ? now - age : 0, until: now &+ (ban.left - elapsed),
                    reason: ban.reason, isManual: ban.isManual, isProxied: ban.isProxied))
        }
        for login in logins.sorted(by: { $0.age > $1.age }) {
            let (age, tooOld) = login.age.addingReportingOverflow(elapsed)
            // The clock counts from the machine's start: what is older than that is as old as that.
            guard !tooOld, age < LoginBook.goodFor else { continue }
            peers.logins.restore(login.user, from: login.net, age: age, now: now)
            if age < AccountBook.netWindow { peers.accounts.restore(login.user, from: login.net, age: age, now: now) }
        }
    }
}
