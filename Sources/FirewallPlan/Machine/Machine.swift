public import Bytes

/// What was seen of the machine that a policy is to hold on: the firewall's surroundings, as values.
///
/// Whoever looked fills it; `MachineCheck` holds a policy against it. What could not be looked at is said in `unseen`,
/// because silence about it would read as "nothing is wrong".
public struct Machine: Hashable, Sendable {
    public var interfaces: [Interface] = []
    /// Numbers of /proc/sys by their names with dots, as sysctl writes them.
    public var settings: [String: Int] = [:]
    /// Where the kernel would send a packet for each mail host entry.
    public var ways: [AddressPrefix: Way] = [:]
    /// Of both families.
    public var routingRules: [RoutingRule] = []
    /// Numbers of routing tables that hold a route which is not ours.
    public var foreignTables: Set<UInt32> = []
    /// Log groups that somebody else reads.
    public var foreignLogGroups: Set<UInt16> = []
    /// Chains of other nftables tables.
    public var chains: [NeighbourChain] = []
    public var flowtables: [Flowtable] = []
    /// There is a table of our name that no plan of ours made.
    public var isNameTaken = false
    /// What could not be looked at, and why, a sentence each.
    public var unseen: [String] = []

    public init() {}

    /// A name, once for each address.
    public struct Interface: Hashable, Sendable {
        public var name: String
        /// The address with the length of its net; nil for an interface without addresses.
        public var net: AddressPrefix?

        public init(name: String, net: AddressPrefix?) {
            (self.name, self.net) = (name, net)
        }
    }

    /// `ip route get`, as far as it matters here.
    public enum Way: Hashable, Sendable {
        case interface(String)
        /// An address of this machine.
        case local
        case none
    }

    /// A line of `ip rule`.
    public struct RoutingRule: Hashable, Sendable {
        public var family: Family
        public var preference: UInt32
        public var table: UInt32
        public var mark: MarkTest?
        public var isOurs: Bool

        public init(family: Family, preference: UInt32, table: UInt32, mark: MarkTest?, isOurs: Bool) {
            (self.family, self.preference, self.table) = (family, preference, table)
            (self.mark, self.isOurs) = (mark, isOurs)
        }
    }

    /// A flowtable: packets of connections that were given to it skip every chain of `forward`.
    public struct Flowtable: Hashable, Sendable, CustomStringConvertible {
        /// With its family: `inet fw4`.
        public var table: String
        public var name: String
        public var devices: [String]

        public init(table: String, name: String, devices: [String]) {
            (self.table, self.name, self.devices) = (table, name, devices)
        }

        public var description: String { "flowtable '\(name)' of table \(table)" }
    }
}

/// `mark & mask == value`.
public struct MarkTest: Hashable, Sendable, CustomStringConvertible {
    public var value: UInt32
    public var mask: UInt32

    public init(_ value: UInt32, mask: UInt32) {
        (self.value, self.mask) = (value, mask)
    }

    /// Whether a packet passes it that carries `mark` and no other bit, by a bit of `bits` at least.
    public func holds(for mark: UInt32, bits: UInt32) -> Bool {
        mask & bits != 0 && mark & mask == value
    }

    public var description: String { "0x\(String(value, radix: 16))/0x\(String(mask, radix: 16))" }
}

/// A chain of another table, as far as it may stand in our way.
public struct NeighbourChain: Hashable, Sendable, CustomStringConvertible {
    /// With its family: `inet filter`.
    public var table: String
    public var name: String
    /// Nil for one that rules jump to, and for a hook where we have no chain.
    public var hook: BaseChain.Hook?
    /// Its policy is to drop, or its last rule refuses what came so far.
    public var dropsTheRest: Bool
    /// Marks whose packets a rule of it accepts.
    public var acceptedMarks: [MarkTest]
    /// Bits of a packet's mark that its rules write.
    public var writtenMark: UInt32

    public init(
        table: String, name: String, hook: BaseChain.Hook?, dropsTheRest: Bool = false,
        acceptedMarks: [MarkTest] = [], writtenMark: UInt32 = 0
    ) {
        (self.table, self.name, self.hook, self.dropsTheRest) = (table, name, hook, dropsTheRest)
        (self.acceptedMarks, self.writtenMark) = (acceptedMarks, writtenMark)
    }

    public var description: String { "chain '\(name)' of table \(table)" }
}
