/// An event that a limit counts, and everything that its bucket's owner has to know.
public struct Charge: Hashable, Sendable {
    /// The limit as people call it, `policy/limit`.
    public let limit: String
    /// The limit as buckets know it: the same after a reload, another one for each monitored rule.
    public let family: UInt64
    /// The value of the key, fields separated by NUL.
    public let key: [UInt8]
    /// So many of `count` in `period` nanoseconds, with bursts of `burst`.
    public let cost: UInt64
    public let count: UInt64
    public let period: UInt64
    public let burst: UInt64
    /// To be given back if the command is refused later.
    public let isReserved: Bool
    /// Counted by all machines together, where they share a store.
    public let isShared: Bool
    /// What happens while that store is lost.
    public let onStoreLoss: LimitDefinition.StoreLoss

    /// Whether both are about one bucket.
    func hasBucket(of other: Charge) -> Bool {
        family == other.family && key == other.key
    }
}

/// What an evaluation has to know before it goes on.
public enum Ask: Hashable, Sendable {
    /// Charge all of these, or none if one of them is exceeded.
    case charge([Charge])
    /// Say how many more events the bucket would pass now.
    case peek(Charge)
}

/// The answer to an `Ask`.
public enum Answer: Hashable, Sendable {
    case charged
    /// Nothing was charged; nanoseconds until all would pass.
    case exceeded(retryAfter: UInt64)
    case remaining(Int64)
    /// The shared store is lost, and the limit's `on_store_loss` is `closed`.
    case lost

    /// What an unlimited limit would answer.
    public static func unlimited(_ ask: Ask) -> Answer {
        switch ask {
        case .charge: .charged
        case .peek: .remaining(.max)
        }
    }
}
