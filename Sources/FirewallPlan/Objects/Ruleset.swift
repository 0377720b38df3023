/// Everything of the one nftables table that is ours, as values that map one to one to netlink's objects.
///
/// The same type holds what is wanted and what was read back from the kernel. Equal rule sets make no operations.
public struct Ruleset: Hashable, Sendable {
    public var table: Table
    public var counters: [String]
    public var sets: [NamedSet]
    public var chains: [Chain]

    public init(table: Table = .ours, counters: [String] = [], sets: [NamedSet] = [], chains: [Chain] = []) {
        self.table = table
        self.counters = counters
        self.sets = sets
        self.chains = chains
    }

    public func set(_ name: String) -> NamedSet? { sets.first { $0.name == name } }
    public func chain(_ name: String) -> Chain? { chains.first { $0.name == name } }
}

/// A table's family and name.
public struct Table: Hashable, Sendable {
    /// NFPROTO_INET (1): IPv4 and IPv6 in one table, the only family that we make.
    public static let inet: UInt32 = 1

    /// The table that belongs to us; no other one is ever touched.
    public static let ours = Table(name: "portreeve")

    public var name: String

    public init(name: String) {
        self.name = name
    }
}

/// A chain: of a hook (`base`), or one that rules jump to.
public struct Chain: Hashable, Sendable {
    public var name: String
    public var base: BaseChain?
    public var rules: [Rule]

    public init(_ name: String, base: BaseChain? = nil, rules: [Rule] = []) {
        self.name = name
        self.base = base
        self.rules = rules
    }
}

/// Where the kernel calls a base chain.
///
/// Its policy is always accept: what we refuse, a rule refuses.
///
/// The kernel changes neither hook nor priority in place; the chain is deleted and made again in one transaction.
public struct BaseChain: Hashable, Sendable {
    /// The hooks of `inet`, with their numbers in netlink.
    public enum Hook: UInt32, Hashable, Sendable {
        case prerouting = 0
        case input = 1
        case forward = 2
        case output = 3
    }

    public var hook: Hook
    /// Lower runs earlier: raw -300, mangle -150, filter 0.
    public var priority: Int32

    /// The type of chain, in nftables' word.
    public static let type = "filter"

    public init(_ hook: Hook, priority: Int32) {
        self.hook = hook
        self.priority = priority
    }
}

/// One rule.
///
/// Its comment names it: it stands in the rule's user data, in `nft list` and in traces.
public struct Rule: Hashable, Sendable {
    /// The longest comment of a rule, set or element, octets without the final zero.
    public static let longestComment = 127

    public var expressions: [Expression]
    public var comment: String

    public init(_ expressions: [Expression], comment: String = "") {
        self.expressions = expressions
        self.comment = comment
    }
}
