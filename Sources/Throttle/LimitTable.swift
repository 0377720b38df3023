// Every limit's buckets, shared by all workers and kept over reloads.

/// Keeps others out while a shard is worked on; held for arithmetic only.
public protocol Exclusion: AnyObject, Sendable {
    func lock()
    func unlock()
}

/// For a table that only one thread uses.
public final class NoExclusion: Exclusion {
    public init() {}
    public func lock() {}
    public func unlock() {}
}

/// An event to be charged to a bucket.
public struct BucketCharge: Hashable, Sendable {
    public let name: BucketName
    public let rate: RateLimit
    public let cost: UInt64

    public init(_ name: BucketName, rate: RateLimit, cost: UInt64 = 1) {
        self.name = name
        self.rate = rate
        self.cost = cost
    }
}

/// A charge that was made and may be given back.
public struct Reservation: Hashable, Sendable {
    let charge: BucketCharge
    /// When the bucket would have been empty without it.
    let since: UInt64
}

extension LimitTable {
    /// What came of one event, as `Outcome`, without arrays.
    public enum Single: Hashable, Sendable {
        case charged(Reservation)
        case exceeded(retryAfter: UInt64)
    }

    /// Charges one event, or says how long to wait.
    public func charge(_ charge: BucketCharge, now: UInt64) -> Single {
        let hash = charge.name.hash
        let (wait, since) = withShard(hash) { $0.charge(charge, hash, now: now) }
        if let wait { return .exceeded(retryAfter: wait) }
        return .charged(Reservation(charge: charge, since: since))
    }
}

/// The buckets of all limits; `now` is monotonic nanoseconds of one clock.
///
/// Memory is bounded by `capacity` buckets of about 70 octets and their key each (1,000,000: below 100 MB). Where there is no room the
/// bucket that has been full longest goes first, which changes nothing; only if none is full, the one that owes least.
@safe public final class LimitTable: Sendable {
    public enum Outcome: Hashable, Sendable {
        /// One reservation for each charge, in order.
        case charged([Reservation])
        /// Nothing was charged; nanoseconds until all would pass.
        case exceeded(retryAfter: UInt64)
    }

    @safe private final class Shard: @unchecked Sendable {
        let exclusion: any Exclusion
        var buckets: BucketShard

        init(_ exclusion: any Exclusion, capacity: Int) {
            self.exclusion = exclusion
            buckets = BucketShard(capacity: capacity)
        }
    }

    private let shards: [Shard]
    /// The same.
    private let borrowed: [Unmanaged<Shard>]

    /// `exclusion` makes the lock of one shard; there are `shards` of them, a power of two.
    ///
    /// So many that workers seldom meet at one: a meeting costs more than a decision.
    public init(
        capacity: Int = 1_000_000, shards: Int = 128, exclusion: () -> any Exclusion = { NoExclusion() }
    ) {
        var count = 1
        while count < shards, count < 1024 { count *= 2 }
        let made = (0..<count).map { _ in Shard(exclusion(), capacity: capacity / count) }
        self.shards = made
        unsafe borrowed = made.map { unsafe Unmanaged.passUnretained($0) }
    }

    /// Charges all of `charges`, or none if one of them exceeds its limit.
    ///
    /// No two of them may be of one bucket.
    public func charge(_ charges: [BucketCharge], now: UInt64) -> Outcome {
        if charges.count == 1 {
            return switch charge(charges[0], now: now) {
            case .charged(let reservation): .charged([reservation])
            case .exceeded(let wait): .exceeded(retryAfter: wait)
            }
        }
        let hashes = charges.map(\.name.hash)
        return locked(hashes) {
            if let wait = longestWait(charges, hashes, now) { return .exceeded(retryAfter: wait) }
            return .charged(
                zip(charges, hashes).map { charge, hash in
                    let shard = shard(hash)
                    var arrival = shard.buckets.arrival(hash)
                    let since = max(arrival, now)
                    _ = charge.rate.charge(&arrival, cost: charge.cost, now: now)
                    shard.buckets.set(charge.name, hash, to: arrival)
                    return Reservation(charge: charge, since: since)
                })
        }
    }

    /// What `charge` would answer; nothing is charged.
    public func wouldExceed(_ charges: [BucketCharge], now: UInt64) -> UInt64? {
        let hashes = charges.map(\.name.hash)
        return locked(hashes) { longestWait(charges, hashes, now) }
    }

    /// Gives a charge back.
    public func refund(_ reservation: Reservation, now: UInt64) {
        let charge = reservation.charge
        let hash = charge.name.hash
        locked([hash]) {
            _ = shard(hash).buckets.lower(hash) {
                charge.rate.refund(&$0, cost: charge.cost, since: reservation.since, now: now)
            }
        }
    }

    /// How many events of cost 1 the bucket would pass now.
    public func remaining(_ name: BucketName, rate: RateLimit, now: UInt64) -> UInt64 {
        let hash = name.hash
        return locked([hash]) { rate.remaining(shard(hash).buckets.arrival(hash), now: now) }
    }

    /// Buckets that are known.
    public var count: Int {
        shards.reduce(0) { sum, shard in
            shard.exclusion.lock()
            defer { shard.exclusion.unlock() }
            return sum + shard.buckets.count
        }
    }

    /// Every bucket and when it would be empty.
    ///
    /// A lock is held for some hundred buckets at a time; one that is replaced meanwhile may be missed.
    public func forEach(_ body: (BucketName, _ arrival: UInt64) -> Void) {
        for shard in shards {
            var next = 0
            while true {
                shard.exclusion.lock()
                let some = shard.buckets.some(from: next, atMost: Self.batch)
                shard.exclusion.unlock()
                for (name, arrival) in some { body(name, arrival) }
                guard some.count == Self.batch else { break }
                next += some.count
            }
        }
    }

    private static let batch = 512

    /// Forgets what a bucket has been charged; false if there is no such bucket.
    public func reset(_ name: BucketName) -> Bool {
        let hash = name.hash
        return locked([hash]) { shard(hash).buckets.lower(hash) { $0 = 0 } }
    }

    /// A bucket as an earlier process left it, or as the shared store has it; one that is there and fuller stays.
    public func restore(_ name: BucketName, arrival: UInt64) {
        let hash = name.hash
        locked([hash]) {
            let shard = shard(hash)
            if arrival > shard.buckets.arrival(hash) { shard.buckets.set(name, hash, to: arrival) }
        }
    }

    // MARK: Under locks

    /// nil if all pass; the longest wait otherwise.
    private func longestWait(_ charges: [BucketCharge], _ hashes: [UInt64], _ now: UInt64) -> UInt64? {
        var longest: UInt64 = 0
        for (charge, hash) in zip(charges, hashes) {
            let arrival = shard(hash).buckets.arrival(hash)
            longest = max(longest, charge.rate.wait(arrival, cost: charge.cost, now: now))
        }
        return longest == 0 ? nil : longest
    }

    private func number(_ hash: UInt64) -> Int { Int(hash >> 54) & (shards.count - 1) }

    private func shard(_ hash: UInt64) -> Shard { shards[number(hash)] }

    /// The shards live as long as the table, so nobody counts references: two workers would wait for each other's counts.
    private func withShard<Result>(_ hash: UInt64, _ body: (inout BucketShard) -> Result) -> Result {
        unsafe borrowed[number(hash)]._withUnsafeGuaranteedRef { shard in
            shard.exclusion.lock()
            defer { shard.exclusion.unlock() }
            return body(&shard.buckets)
        }
    }

    /// Locks the shards of `hashes` in the order of their numbers, so that no two workers wait for each other.
    private func locked<Result>(_ hashes: [UInt64], _ body: () -> Result) -> Result {
        let numbers = hashes.count == 1 ? [number(hashes[0])] : Set(hashes.map(number)).sorted()
        for number in numbers { shards[number].exclusion.lock() }
        defer { for number in numbers.reversed() { shards[number].exclusion.unlock() } }
        return body()
    }
}
