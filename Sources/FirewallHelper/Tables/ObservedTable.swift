public import FirewallPlan

/// Our table as the kernel has it.
public struct ObservedTable: Equatable, Sendable {
    public var ruleset: Ruleset
    /// NFTA_TABLE_FLAGS: owner 2, persist 4.
    public var flags: UInt32
    /// The netlink address of the owner; nil for a table that anyone may change.
    public var owner: UInt32?

    /// Made to outlive its owner, whose process is gone: whoever comes first may adopt it.
    var isOrphan: Bool { owner == nil && flags & persistFlag != 0 }
}

/// A named counter's values.
public struct CounterReading: Equatable, Sendable {
    public var name: String
    public var packets: UInt64
    public var bytes: UInt64

    public init(name: String, packets: UInt64, bytes: UInt64) {
        (self.name, self.packets, self.bytes) = (name, packets, bytes)
    }
}
