// How accounts are used: from how many nets, for how many recipients, how many of them unknown.

public import Bytes

/// An account's use as rules see it.
public struct AccountUse: Hashable, Sendable {
    /// Client nets with a good login within `AccountBook.netWindow`.
    public var distinctNets = 0
    /// Recipients that the backend has judged within the last hour.
    public var recipients = 0
    /// Of them, those that it refused, in percent; 0 while there are too few to tell.
    public var rejectedPercent = 0
    /// Those recipients in percent of the account's usual hour.
    public var volumePercent = 0

    public init() {}
}

/// The use of every account, shared by all listeners.
///
/// Bounded; `now` is monotonic nanoseconds.
public final class AccountBook: Sendable {
    /// Nanoseconds within which nets are counted.
    public static let netWindow: UInt64 = 86_400 * 1_000_000_000
    /// Nets of one account that are told apart.
    public static let mostNets = 256
    /// Accounts that are remembered; beyond it the one that was quiet longest is forgotten.
    public static let capacity = 131_072

    @safe private final class Shard: @unchecked Sendable {
        let exclusion: any Exclusion
        var accounts: [[UInt8]: Account] = [:]

        init(_ exclusion: any Exclusion) {
            self.exclusion = exclusion
        }
    }

    private let shards: [Shard]
    private let shardCapacity: Int

    public init(
        capacity: Int = AccountBook.capacity, shards: Int = 8, exclusion: () -> any Exclusion = { NoExclusion() }
    ) {
        let count = max(1, shards)
        self.shards = (0..<count).map { _ in Shard(exclusion()) }
        shardCapacity = max(1, capacity / count)
    }

    public func use(of user: [UInt8], now: UInt64) -> AccountUse {
        change(user, now, creates: false) { $0.use(now) } ?? AccountUse()
    }

    /// A good login from `net`.
    public func loggedIn(_ user: [UInt8], from net: AddressPrefix, now: UInt64) {
        _ = change(user, now, creates: true) { $0.loggedIn(from: net, now) }
    }

    /// The backend has taken or refused a recipient.
    public func judged(_ user: [UInt8], isTaken: Bool, now: UInt64) {
        _ = change(user, now, creates: true) { $0.judged(isTaken, now) }
    }

    /// Forgets what an account was used for: it has another owner, or its password another value.
    public func reset(_ user: [UInt8]) {
        let shard = shard(user)
        shard.exclusion.lock()
        defer { shard.exclusion.unlock() }
        shard.accounts[user] = nil
    }

    private func shard(_ user: [UInt8]) -> Shard { shards[Int(UInt(bitPattern: user.hashValue) % UInt(shards.count))] }

    private func change<Result>(
        _ user: [UInt8], _ now: UInt64, creates: Bool, _ body: (inout Account) -> Result
    ) -> Result? {
        let shard = shard(user)
        shard.exclusion.lock()
        defer { shard.exclusion.unlock() }
        if shard.accounts[user] == nil {
            guard creates else { return nil }
            makeRoom(in: shard)
        }
        var account = shard.accounts.removeValue(forKey: user) ?? Account()
        account.lastUse = now
        let result = body(&account)
        shard.accounts[user] = account
        return result
    }

    /// The quieter half goes at once, so that a full shard is rarely searched.
    private func makeRoom(in shard: Shard) {
        guard shard.accounts.count >= shardCapacity else { return }
        let median = shard.accounts.values.map(\.lastUse).sorted()[shard.accounts.count / 2]
        shard.accounts = shard.accounts.filter { $0.value.lastUse > median }
    }

    // MARK: Saving

    /// A good login that an earlier process has seen `age` nanoseconds ago; to be called for the oldest first.
    public func restore(_ user: [UInt8], from net: AddressPrefix, age: UInt64, now: UInt64) {
        loggedIn(user, from: net, now: now > age ? now - age : 0)
    }
}

/// One account's use.
struct Account: Sendable {
    /// Nanoseconds of the hour in which recipients are counted.
    static let hour: UInt64 = 3600 * 1_000_000_000
    /// Recipients below which nothing is said about the share of refused ones.
    static let fewest = 10
    /// No account's usual hour is thought to be smaller.
    static let leastUsual = 20

    var lastUse: UInt64 = 0
    /// The newest last.
    private(set) var nets: [(net: AddressPrefix, time: UInt64)] = []
    private var current = Hour()
    private var previous = Hour()
    /// A moving average over the hours in which the account sent at all, in 256ths of a recipient.
    private var usual: UInt64 = 0

    private struct Hour: Sendable {
        var number: UInt64 = 0
        var judged: UInt64 = 0
        var refused: UInt64 = 0
    }

    mutating func loggedIn(from net: AddressPrefix, _ now: UInt64) {
        nets = nets.filter { $0.net != net && !isOld($0.time, now) }
        if nets.count >= AccountBook.mostNets { nets.removeFirst() }
        nets.append((net, now))
    }

    mutating func judged(_ isTaken: Bool, _ now: UInt64) {
        turn(now)
        current.judged += 1
        if !isTaken { current.refused += 1 }
    }

    mutating func use(_ now: UInt64) -> AccountUse {
        turn(now)
        var use = AccountUse()
        use.distinctNets = nets.count { !isOld($0.time, now) }
        // The part of the previous hour that still lies within the last sixty minutes.
        let share = Self.hour - now % Self.hour
        let judged = current.judged + previous.judged * share / Self.hour
        let refused = current.refused + previous.refused * share / Self.hour
        use.recipients = Int(clamping: judged)
        if judged >= UInt64(Self.fewest) { use.rejectedPercent = Int(clamping: refused * 100 / judged) }
        use.volumePercent = Int(clamping: judged * 25_600 / max(usual, UInt64(Self.leastUsual) * 256))
        return use
    }

    /// Begins a new hour where the last one is over.
    private mutating func turn(_ now: UInt64) {
        let number = now / Self.hour
        guard number != current.number else { return }
        if current.judged > 0 {
            let sample = min(current.judged, 1 << 32) * 256
            usual = usual == 0 ? sample : usual - usual / 8 + sample / 8
        }
        previous = number == current.number &+ 1 ? current : Hour()
        current = Hour(number: number)
    }

    private func isOld(_ time: UInt64, _ now: UInt64) -> Bool {
        now > time && now - time >= AccountBook.netWindow
    }
}
