/// A limit as a policy declares it: counted only where a rule says `over:`.
///
/// In any time t it passes at most burst + rate × t.
public struct LimitDefinition: Hashable, Sendable {
    /// When an event counts.
    public enum Counting: String, Hashable, Sendable, CaseIterable {
        /// At once.
        case attempted
        /// At once too, and given back if a later rule or the backend refuses the command.
        case accepted
    }

    /// Who shares its buckets.
    public enum Scope: String, Hashable, Sendable, CaseIterable {
        case node, cluster
    }

    /// What happens while the shared store is gone.
    public enum StoreLoss: String, Hashable, Sendable, CaseIterable {
        case local, open, closed
    }

    /// What one event costs.
    public enum Cost: Hashable, Sendable {
        case fixed(UInt64)
        /// A field of type int or size; where it is absent, 1.
        case field(Field)
    }

    public let name: String
    /// Together they name a bucket.
    public let key: [Field]
    /// So many in `period`.
    public let count: UInt64
    /// Nanoseconds.
    public let period: UInt64
    public let burst: UInt64
    public let cost: Cost
    public let counts: Counting
    public let scope: Scope
    public let onStoreLoss: StoreLoss

    public init(
        name: String, key: [Field], count: UInt64, period: UInt64, burst: UInt64, cost: Cost = .fixed(1),
        counts: Counting = .attempted, scope: Scope = .node, onStoreLoss: StoreLoss = .local
    ) {
        self.name = name
        self.key = key
        self.count = count
        self.period = period
        self.burst = burst
        self.cost = cost
        self.counts = counts
        self.scope = scope
        self.onStoreLoss = onStoreLoss
    }
}
