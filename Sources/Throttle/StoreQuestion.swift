// What is asked of the store that several machines share, and what it answers: values, and no protocol of any server.

/// Something that one worker asks the shared store on behalf of a session.
public enum StoreQuestion: Hashable, Sendable {
    /// Charge all of these, or none if one of them exceeds its limit; no two are of one bucket.
    case charge([BucketCharge])
    /// Say how full these buckets are; nothing is charged.
    case peek([BucketCharge])
}

/// Which question an answer belongs to.
///
/// A session's key is never used again by its worker, and a session never uses a number twice in sight of its answers,
/// so an answer that comes late meets nobody else.
public struct StoreTicket: Hashable, Sendable {
    public let session: UInt64
    public let number: UInt32

    public init(session: UInt64, number: UInt32) {
        self.session = session
        self.number = number
    }
}

/// A charge that the store has made and that may be given back.
public struct StoreReceipt: Hashable, Sendable {
    public let charge: BucketCharge
    /// When the bucket would have been empty without it: nanoseconds of the store's own clock.
    public let since: UInt64
    /// Nanoseconds until the bucket will be empty, this charge included.
    public let owed: UInt64

    public init(_ charge: BucketCharge, since: UInt64, owed: UInt64) {
        self.charge = charge
        self.since = since
        self.owed = owed
    }
}

/// The answer to a `StoreQuestion`; its lists are in the question's order.
public enum StoreAnswer: Hashable, Sendable {
    case charged([StoreReceipt])
    /// Nothing was charged; nanoseconds until each charge would pass: 0 for one that passes now, `.max` for one that never will.
    case exceeded(waits: [UInt64])
    /// To a peek: nanoseconds until each bucket will be empty; 0 for one that is.
    case owed([UInt64])
    /// There will be no other answer.
    case lost(StoreLossReason)
}

/// Why the store gave no answer.
public enum StoreLossReason: String, Hashable, Sendable, CaseIterable {
    /// There is no connection, or it broke.
    case disconnected
    /// It did not answer in time.
    case late
    /// So many questions are open that this one was not asked.
    case overloaded
    /// It answered with an error, such as being out of memory or read-only.
    case refused
}

/// A worker's way to the shared store: on the worker's own loop, used by its thread alone.
///
/// Each question that is taken has exactly one answer, delivered to the `StoreReceiver` on the loop and never inside the
/// call that asks. A charge that the store makes after the question was answered with `lost` is given back by the store's
/// own client.
public protocol SharedBuckets: AnyObject {
    /// Takes the question (nil), or says at once why there will be no answer.
    func ask(_ question: StoreQuestion, _ ticket: StoreTicket) -> StoreLossReason?
    /// Gives a charge back; what cannot be given back now is forgotten: a bucket may stay fuller than it need be.
    func refund(_ receipts: [StoreReceipt])
}

/// Where answers go.
public protocol StoreReceiver: AnyObject {
    func storeAnswered(_ ticket: StoreTicket, _ answer: StoreAnswer)
    /// The store can be asked, or cannot; told once for each change.
    func storeChanged(_ standing: StoreStanding)
}

/// Whether the store can be asked.
public enum StoreStanding: Hashable, Sendable {
    case up
    /// With the client's or the server's words, for the log; no secret is among them.
    case lost(StoreLossReason, detail: String)
}
