// What was learnt from logins: which nets are good, which wrong passwords are old ones, whether the judge is ill.

public import Bytes

/// Observations of logins, shared by all listeners and kept over reloads.
///
/// Bounded; `now` is monotonic nanoseconds.
/// A wrong password is remembered as a hash under a key that this process alone has and never writes down.
public final class LoginBook: Sendable {
    /// Nanoseconds for which a good login speaks for its net.
    public static let goodFor: UInt64 = 7 * 86_400 * 1_000_000_000
    /// Nanoseconds for which a wrong password that comes again is the same mistake.
    public static let mistakeFor: UInt64 = 86_400 * 1_000_000_000
    /// Pairs of login and net, and wrong passwords, that are remembered.
    public static let capacity = 262_144

    /// What a failed login was.
    public struct Failure: Hashable, Sendable {
        /// The same password was wrong for this login before.
        public let isRepeated: Bool
        /// Counting and bans are suspended: good nets fail all at once, so the passwords are hardly to blame.
        public let isSuspended: Bool
        /// This failure began the suspension.
        public let beganSuspension: Bool
    }

    private struct Pair: Hashable {
        let user: [UInt8]
        let net: AddressPrefix
    }

    private struct Book {
        var goodPairs: [Pair: UInt64] = [:]
        /// The newest good login of anybody's.
        var goodNets: [AddressPrefix: UInt64] = [:]
        var mistakes: [UInt64: UInt64] = [:]
        var outage = OutageWatch()
    }

    @safe private final class Guarded: @unchecked Sendable {
        let exclusion: any Exclusion
        var book = Book()

        init(_ exclusion: any Exclusion) {
            self.exclusion = exclusion
        }
    }

    private let guarded: Guarded
    private let capacity: Int

    public init(capacity: Int = LoginBook.capacity, exclusion: any Exclusion = NoExclusion()) {
        self.capacity = max(16, capacity)
        guarded = Guarded(exclusion)
    }

    // MARK: Asking

    /// Whether `user` has logged in from `net` lately.
    public func knows(_ user: [UInt8], from net: AddressPrefix, now: UInt64) -> Bool {
        locked { Self.isFresh($0.goodPairs[Pair(user: user, net: net)], now) }
    }

    /// Whether anybody has logged in from `net` lately.
    public func isGood(_ net: AddressPrefix, now: UInt64) -> Bool {
        locked { Self.isFresh($0.goodNets[net], now) }
    }

    /// Whether counting and bans are suspended.
    public func isSuspended(now: UInt64) -> Bool {
        locked { $0.outage.isSuspended(now: now) }
    }

    // MARK: Observing

    /// The backend has taken the login.
    public func succeeded(_ user: [UInt8], from net: AddressPrefix, now: UInt64) {
        locked { book in
            Self.makeRoom(&book.goodPairs, capacity, now, Self.goodFor)
            Self.makeRoom(&book.goodNets, capacity, now, Self.goodFor)
            book.goodPairs[Pair(user: user, net: net)] = now
            book.goodNets[net] = now
            book.outage.observe(isGood: true, of: Self.hash(user, net), now: now)
        }
    }

    /// The backend has called the password wrong; `secret` is its hash, nil where none could be told.
    public func failed(_ user: [UInt8], from net: AddressPrefix, secret: UInt64?, now: UInt64) -> Failure {
        locked { book in
            let isKnown = Self.isFresh(book.goodPairs[Pair(user: user, net: net)], now)
            let began = isKnown && book.outage.observe(isGood: false, of: Self.hash(user, net), now: now)
            return Failure(
                isRepeated: remember(secret.map { Self.hash(user, $0) }, &book, now),
                isSuspended: book.outage.isSuspended(now: now), beganSuspension: began)
        }
    }

    private func remember(_ mistake: UInt64?, _ book: inout Book, _ now: UInt64) -> Bool {
        guard let mistake else { return false }
        let last = book.mistakes[mistake]
        if last == nil { Self.makeRoom(&book.mistakes, capacity, now, Self.mistakeFor) }
        book.mistakes[mistake] = now
        return last.map { now < $0 || now - $0 < Self.mistakeFor } ?? false
    }

    // MARK: Saving

    /// Every pair of login and net with its newest good login.
    public func forEachGood(_ body: ([UInt8], AddressPrefix, UInt64) -> Void) {
        locked { book in
            for (pair, time) in book.goodPairs { body(pair.user, pair.net, time) }
        }
    }

    /// What an earlier process has seen `age` nanoseconds ago; before the clock began is as old as the clock.
    public func restore(_ user: [UInt8], from net: AddressPrefix, age: UInt64, now: UInt64) {
        let time = now > age ? now - age : 0
        locked { book in
            Self.makeRoom(&book.goodPairs, capacity, now, Self.goodFor)
            Self.makeRoom(&book.goodNets, capacity, now, Self.goodFor)
            book.goodPairs[Pair(user: user, net: net), default: 0].raise(to: time)
            book.goodNets[net, default: 0].raise(to: time)
        }
    }

    // MARK: Under the lock

    private static func isFresh(_ time: UInt64?, _ now: UInt64) -> Bool {
        time.map { now < $0 || now - $0 < goodFor } ?? false
    }

    /// Drops what is too old, and where that does not help the older half, so that a full table is rarely searched.
    private static func makeRoom<Key: Hashable>(
        _ times: inout [Key: UInt64], _ capacity: Int, _ now: UInt64, _ lifetime: UInt64
    ) {
        guard times.count >= capacity else { return }
        times = times.filter { now < $0.value || now - $0.value < lifetime }
        guard times.count >= capacity else { return }
        let median = times.values.sorted()[times.count / 2]
        times = times.filter { $0.value > median }
    }

    private static func hash(_ values: any Hashable...) -> UInt64 {
        var hasher = Hasher()
        for value in values { value.hash(into: &hasher) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    private func locked<Result>(_ body: (inout Book) -> Result) -> Result {
        guarded.exclusion.lock()
        defer { guarded.exclusion.unlock() }
        return body(&guarded.book)
    }
}

extension UInt64 {
    fileprivate mutating func raise(to other: UInt64) {
        self = Swift.max(self, other)
    }
}
