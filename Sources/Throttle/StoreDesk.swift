// What operators and the process as a whole ask of the shared store: bans, and buckets by name.

/// A ban as machines tell it each other: their clocks have nothing in common, so it says how long it still lasts.
public struct SharedBan: Hashable, Sendable {
    public let subject: BanSubject
    /// Nanoseconds since it began.
    public let age: UInt64
    /// Nanoseconds until it ends.
    public let remaining: UInt64
    public let reason: String
    public let isManual: Bool
    public let isProxied: Bool

    public init(
        _ subject: BanSubject, age: UInt64, remaining: UInt64, reason: String, isManual: Bool, isProxied: Bool
    ) {
        self.subject = subject
        self.age = age
        self.remaining = remaining
        self.reason = reason
        self.isManual = isManual
        self.isProxied = isProxied
    }
}

/// What happened at the store that every machine has to know, within about a second.
public enum StoreNews: Hashable, Sendable {
    /// Every ban that the store holds; told after each connect, before anything else.
    case bans([SharedBan])
    /// Began or was prolonged, by this machine or another.
    case banned(SharedBan)
    case lifted(BanSubject)
    /// An operator has emptied a bucket: what a machine remembers of it is out of date.
    case reset(BucketName)
}

/// A bucket of the store.
public struct StoredBucket: Hashable, Sendable {
    public let name: BucketName
    /// Nanoseconds until it will be empty.
    public let owed: UInt64

    public init(_ name: BucketName, owed: UInt64) {
        self.name = name
        self.owed = owed
    }
}

/// The process's way to the shared store, on the supervisor's loop.
///
/// While the store is lost, what changes bans is refused with false; whoever asked does it again after the next `StoreNews.bans`.
public protocol StoreDesk: AnyObject {
    /// Begins or prolongs a ban; one that is there is never shortened.
    @discardableResult
    func ban(_ ban: SharedBan) -> Bool
    @discardableResult
    func lift(_ subject: BanSubject) -> Bool
    /// Empties a bucket, and tells every machine.
    @discardableResult
    func reset(_ name: BucketName) -> Bool
    /// At most `count` buckets, in no order that means anything; nil when the store is lost. Answered once, on the loop.
    func buckets(atMost count: Int, _ answer: @escaping ([StoredBucket]?) -> Void)
}

/// Where news go.
public protocol StoreNewsReader: AnyObject {
    func storeTold(_ news: StoreNews)
    /// The store can be asked, or cannot; told once for each change.
    func storeChanged(_ standing: StoreStanding)
}
