// Who is kept away, until when and why; shared by all listeners and workers and kept over reloads.

public import Bytes
import Synchronization

/// Whom a ban is about.
public enum BanSubject: Hashable, Sendable {
    /// Clients of this net.
    case net(AddressPrefix)
    /// A login, in the form that names are compared in.
    case user([UInt8])
}

/// One ban; times are nanoseconds of the table's clock.
public struct BanEntry: Hashable, Sendable {
    public let subject: BanSubject
    public var since: UInt64
    public var until: UInt64
    /// The rule's full name, or the operator's words.
    public var reason: String
    /// Set by a command; a rule may prolong it, never shorten it.
    public var isManual: Bool
    /// The client is known from a PROXY header: its packets have another sender, so a packet filter cannot act on it.
    public var isProxied: Bool

    public init(
        _ subject: BanSubject, since: UInt64, until: UInt64, reason: String, isManual: Bool = false,
        isProxied: Bool = false
    ) {
        self.subject = subject
        self.since = since
        self.until = until
        self.reason = reason
        self.isManual = isManual
        self.isProxied = isProxied
    }
}

/// Addresses that no ban may cover, and whose they are.
public struct Immunity: Hashable, Sendable {
    public let prefix: AddressPrefix
    /// In a few words, such as `bans.never`.
    public let reason: String

    public init(_ prefix: AddressPrefix, _ reason: String) {
        self.prefix = prefix
        self.reason = reason
    }
}

/// The bans of the process.
///
/// Bounded; `now` is nanoseconds of one monotonic clock. While nobody is banned, a question costs one load.
public final class BanTable: Sendable {
    public enum Outcome: Hashable, Sendable {
        case began(BanEntry)
        /// There was one already; it lasts longer now.
        case prolonged(BanEntry)
        /// There was one already that lasts at least as long.
        case unchanged(BanEntry)
        /// Nobody was banned; the reason is that of the immunity.
        case immune(reason: String)
    }

    /// Bans of each kind that are kept; beyond it those that end soonest go.
    public static let capacity = 65_536

    private struct Book {
        var entries: [BanSubject: BanEntry] = [:]
        /// How many entries have a prefix of this length, of each family.
        var v4Lengths = [Int](repeating: 0, count: 33)
        var v6Lengths = [Int](repeating: 0, count: 129)
        var immunities: [Immunity] = []
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
    private let nets = Atomic<Int>(0)
    private let users = Atomic<Int>(0)

    public init(capacity: Int = BanTable.capacity, exclusion: any Exclusion = NoExclusion()) {
        self.capacity = max(16, capacity)
        guarded = Guarded(exclusion)
    }

    // MARK: Asking

    /// Whether nobody is banned, nor was lately.
    public var isEmpty: Bool { nets.load(ordering: .relaxed) == 0 && users.load(ordering: .relaxed) == 0 }

    /// The ban that covers `address` and lasts longest.
    public func ban(of address: IPAddress, now: UInt64) -> BanEntry? {
        if nets.load(ordering: .relaxed) == 0 { return nil }
        return locked { book in
            var found: BanEntry?
            let lengths = address.isV4 ? book.v4Lengths : book.v6Lengths
            for (length, count) in lengths.enumerated() where count > 0 {
                guard let entry = book.entries[.net(AddressPrefix(address, bits: length))], entry.until > now else {
                    continue
                }
                if entry.until > found?.until ?? 0 { found = entry }
            }
            return found
        }
    }

    /// The ban of a login.
    public func ban(ofUser user: [UInt8], now: UInt64) -> BanEntry? {
        if users.load(ordering: .relaxed) == 0 { return nil }
        return locked { book in
            guard let entry = book.entries[.user(user)], entry.until > now else { return nil }
            return entry
        }
    }

    /// The ban of exactly this subject.
    public func entry(_ subject: BanSubject, now: UInt64) -> BanEntry? {
        locked { $0.entries[subject] }.flatMap { $0.until > now ? $0 : nil }
    }

    /// Every ban that holds, the one that ends soonest first.
    public func all(now: UInt64) -> [BanEntry] {
        locked { $0.entries.values.filter { $0.until > now } }.sorted { $0.until < $1.until }
    }

    // MARK: Changing

    /// Begins or prolongs a ban; one that is there is never shortened.
    public func ban(_ entry: BanEntry) -> Outcome {
        locked { book in
            if case .net(let net) = entry.subject,
                let immunity = book.immunities.first(where: { $0.prefix.overlaps(net) })
            {
                return .immune(reason: immunity.reason)
            }
            if var known = book.entries[entry.subject], known.until > entry.since {
                guard known.until < entry.until else { return .unchanged(known) }
                known.until = entry.until
                known.reason = entry.reason
                known.isManual = known.isManual || entry.isManual
                book.entries[entry.subject] = known
                return .prolonged(known)
            }
            makeRoom(&book, entry.since)
            insert(entry, &book)
            return .began(entry)
        }
    }

    /// Ends a ban; false if there was none.
    public func lift(_ subject: BanSubject, now: UInt64) -> Bool {
        locked { book in
            guard let entry = book.entries[subject] else { return false }
            remove(entry.subject, &book)
            return entry.until > now
        }
    }

    /// Replaces who is immune, and ends the bans that would not have begun.
    public func setImmunities(_ immunities: [Immunity]) {
        locked { book in
            book.immunities = immunities
            for case .net(let net) in Array(book.entries.keys)
            where immunities.contains(where: { $0.prefix.overlaps(net) }) {
                remove(.net(net), &book)
            }
        }
    }

    /// Forgets the bans that are over and returns them.
    public func removeExpired(now: UInt64) -> [BanEntry] {
        locked { book in
            let expired = book.entries.values.filter { $0.until <= now }
            for entry in expired { remove(entry.subject, &book) }
            return expired
        }
    }

    // MARK: Under the lock

    private func makeRoom(_ book: inout Book, _ now: UInt64) {
        guard book.entries.count >= capacity else { return }
        for entry in book.entries.values.filter({ $0.until <= now }) { remove(entry.subject, &book) }
        guard book.entries.count >= capacity else { return }
        // Many at a time, so that a full table is not searched for every ban.
        for entry in book.entries.values.sorted(by: { $0.until < $1.until }).prefix(capacity / 16) {
            remove(entry.subject, &book)
        }
    }

    private func insert(_ entry: BanEntry, _ book: inout Book) {
        remove(entry.subject, &book)
        book.entries[entry.subject] = entry
        count(entry.subject, 1, &book)
    }

    private func remove(_ subject: BanSubject, _ book: inout Book) {
        if book.entries.removeValue(forKey: subject) != nil { count(subject, -1, &book) }
    }

    private func count(_ subject: BanSubject, _ change: Int, _ book: inout Book) {
        switch subject {
        case .user:
            users.add(change, ordering: .relaxed)
        case .net(let net):
            nets.add(change, ordering: .relaxed)
            if net.address.isV4 { book.v4Lengths[net.length] += change } else { book.v6Lengths[net.length] += change }
        }
    }

    private func locked<Result>(_ body: (inout Book) -> Result) -> Result {
        guarded.exclusion.lock()
        defer { guarded.exclusion.unlock() }
        return body(&guarded.book)
    }
}

extension AddressPrefix {
    /// Whether some address lies in both.
    func overlaps(_ other: AddressPrefix) -> Bool {
        contains(other.address) || other.contains(address)
    }
}

extension BanSubject: CustomStringConvertible {
    /// A net as CIDR, one host as its address, a user as the name.
    public var description: String {
        switch self {
        case .net(let net): net.length == (net.address.isV4 ? 32 : 128) ? net.address.description : net.description
        case .user(let name): String(decoding: name, as: UTF8.self)
        }
    }
}
