/// One expression of a rule, in the words and with the numbers of nf_tables' netlink interface.
///
/// Constants that are compared are in the order in which the kernel has the value: payload, addresses and ports in
/// network order, `meta` marks, uids and connection states in the machine's. Sets are named; the number that a set gets
/// inside a transaction is the encoder's business.
public enum Expression: Hashable, Sendable {
    case meta(MetaKey, into: Register)
    case setMeta(MetaKey, from: Register)
    case payload(PayloadBase, offset: UInt32, length: UInt32, into: Register)
    case compare(Register, Comparison, [UInt8])
    /// `into = (from & mask) ^ xor`, both as long as the value.
    case bitwise(from: Register, into: Register, mask: [UInt8], xor: [UInt8])
    case lookup(set: String, Register, isInverted: Bool)
    case immediate(Register, [UInt8])
    case verdict(Verdict)
    /// `counter name`: a counter of the table.
    case counter(String)
    case log(group: UInt16, snapLength: UInt32, queueThreshold: UInt16, prefix: String)
    case limit(Limit)
    case dynset(DynamicUpdate)
    case fib(FIBQuery, into: Register)
    /// Whether a transparent socket owns the packet's flow: one octet, 1 or 0.
    case socketTransparent(into: Register)
    case tproxy(family: Family, address: Register, port: Register)
    case reject(Rejection)
    case connectionState(into: Register)
    case notrack
}

/// A register of a rule's evaluation.
///
/// `r1` to `r4` have 16 octets; parts of concatenated keys use 4-octet ones.
public struct Register: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let r1 = Register(rawValue: 1)
    public static let r2 = Register(rawValue: 2)
    public static let r3 = Register(rawValue: 3)
    public static let r4 = Register(rawValue: 4)

    /// The 4-octet register of a number, 0...15.
    public static func word(_ number: UInt32) -> Register { Register(rawValue: 8 + number) }

    /// Where it begins in the 64 octets that all registers share; nil for a number that is no register of data.
    public var offset: Int? {
        switch rawValue {
        case 1...4: Int(rawValue - 1) * 16
        case 8...23: Int(rawValue - 8) * 4
        default: nil
        }
    }
}

/// What `meta` reads or sets.
public enum MetaKey: UInt32, Hashable, Sendable {
    case mark = 3
    case inputName = 6
    case outputName = 7
    case socketUID = 10
    case nfproto = 15
    case l4proto = 16
}

public enum PayloadBase: UInt32, Hashable, Sendable {
    case link = 0
    case network = 1
    case transport = 2
}

public enum Comparison: UInt32, Hashable, Sendable {
    case equal = 0
    case notEqual = 1
}

/// The protocol families that rules tell apart, with NFPROTO's numbers.
public enum Family: UInt8, Hashable, Sendable, CaseIterable {
    case ipv4 = 2
    case ipv6 = 10
}

public enum Verdict: Hashable, Sendable {
    case accept
    case drop
    case `return`
    case jump(String)
    case goto(String)
}

/// A rate of packets, inside an element of a set or in a rule.
public struct Limit: Hashable, Sendable {
    /// Packets in each unit.
    public var rate: UInt64
    /// Seconds: 1, 60, 3600, 86400 or 604800.
    public var unit: UInt64
    public var burst: UInt32
    /// Holds when the rate is exceeded, rather than while it is kept.
    public var isOver: Bool

    public init(rate: UInt64, unit: UInt64, burst: UInt32, isOver: Bool) {
        self.rate = rate
        self.unit = unit
        self.burst = burst
        self.isOver = isOver
    }
}

/// A rule's change of a set: `update @set { key timeout 1h limit rate over 30/hour }`.
public struct DynamicUpdate: Hashable, Sendable {
    public enum Operation: UInt32, Hashable, Sendable {
        case add = 0
        case update = 1
    }

    /// What an element does with each packet; it decides whether the rule goes on.
    public enum Statement: Hashable, Sendable {
        case limit(Limit)
        case counter
    }

    public var operation: Operation
    public var set: String
    public var key: Register
    /// Milliseconds; 0 for the set's default.
    public var timeout: UInt64
    public var statement: Statement?

    public init(
        _ operation: Operation, _ set: String, key: Register, timeout: UInt64 = 0, statement: Statement? = nil
    ) {
        self.operation = operation
        self.set = set
        self.key = key
        self.timeout = timeout
        self.statement = statement
    }
}

/// Questions to the routing table.
public enum FIBQuery: Hashable, Sendable {
    /// `fib saddr . iif oif`: whether the way back to the source is the interface it came in on; one octet, 1 or 0.
    case reverseInterface
    /// `fib daddr type`: what kind of address the destination is (RTN_LOCAL is 2); 4 octets, the machine's order.
    case destinationType

    /// NFTA_FIB_FLAGS: SADDR, IIF and PRESENT, or DADDR.
    public var flags: UInt32 {
        switch self {
        case .reverseInterface: 0x1 | 0x8 | 0x20
        case .destinationType: 0x2
        }
    }

    /// NFTA_FIB_RESULT.
    public var result: UInt32 {
        switch self {
        case .reverseInterface: 1
        case .destinationType: 3
        }
    }
}

public enum Rejection: Hashable, Sendable {
    case tcpReset

    /// NFTA_REJECT_TYPE.
    public var type: UInt32 { 1 }
    /// NFTA_REJECT_ICMP_CODE.
    public var code: UInt8 { 0 }
}
