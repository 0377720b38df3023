/// A named set with its definition and, where the plan governs them, its elements.
public struct NamedSet: Hashable, Sendable {
    /// The kernel's flags of a set, with their numbers in netlink.
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Elements are ranges.
        public static let interval = Flags(rawValue: 0x4)
        /// Elements end by themselves.
        public static let timeout = Flags(rawValue: 0x10)
        /// Rules add elements (`dynamic` in nft's words).
        public static let dynamic = Flags(rawValue: 0x20)
    }

    /// Who says what a set holds.
    public enum Contents: Hashable, Sendable {
        /// The plan: `elements` is all of it, and a difference is repaired.
        case planned
        /// Rules, commands and time: a plan never adds or removes elements, and they survive a new plan.
        case live
    }

    public var name: String
    public var key: KeyType
    public var flags: Flags
    /// Milliseconds after which an element without a timeout of its own ends; nil for never.
    public var timeout: UInt64?
    /// The most elements; nil for no bound (never for a dynamic set).
    public var size: UInt32?
    public var comment: String
    /// Not of the kernel's making: a set that was read back is compared without it.
    public var contents: Contents
    /// In ascending order of keys, none overlapping another.
    public var elements: [SetElement]

    public init(
        _ name: String, _ key: KeyType, flags: Flags = [], timeout: UInt64? = nil, size: UInt32? = nil,
        comment: String = "", contents: Contents = .planned, elements: [SetElement] = []
    ) {
        self.name = name
        self.key = key
        self.flags = flags
        self.timeout = timeout
        self.size = size
        self.comment = comment
        self.contents = contents
        self.elements = elements
    }

    /// Whether the kernel would have to make the set anew to become `other`.
    public func isSameDefinition(as other: NamedSet) -> Bool {
        name == other.name && key == other.key && flags == other.flags && timeout == other.timeout
            && size == other.size && comment == other.comment
    }
}

/// What the keys of a set are made of: one field, or several of which each is padded to 4 octets.
public struct KeyType: Hashable, Sendable {
    /// nft's types, with nft's numbers, which the kernel stores unread for `nft list`.
    public enum Field: UInt32, Hashable, Sendable, CaseIterable {
        case ipv4Address = 7
        case ipv6Address = 8
        case etherAddress = 9
        case inetService = 13
        case uid = 24

        /// Octets of the value.
        public var length: Int {
            switch self {
            case .ipv4Address, .uid: 4
            case .ipv6Address: 16
            case .etherAddress: 6
            case .inetService: 2
            }
        }

        /// Whether the octets stand in network order; a uid stands in the machine's.
        public var isBigEndian: Bool { self != .uid }

        /// nft's word.
        public var name: String {
            switch self {
            case .ipv4Address: "ipv4_addr"
            case .ipv6Address: "ipv6_addr"
            case .etherAddress: "ether_addr"
            case .inetService: "inet_service"
            case .uid: "uid"
            }
        }
    }

    public let fields: [Field]

    public init(_ fields: Field...) {
        self.fields = fields
    }

    /// From nft's number, six bits a field; nil for a type that no set of ours has.
    public init?(number: UInt32) {
        var fields: [Field] = []
        var rest = number
        while rest != 0 {
            guard let field = Field(rawValue: rest & 63) else { return nil }
            fields.insert(field, at: 0)
            rest >>= 6
        }
        guard !fields.isEmpty else { return nil }
        self.fields = fields
    }

    /// NFTA_SET_KEY_TYPE.
    public var number: UInt32 { fields.reduce(0) { $0 << 6 | $1.rawValue } }

    /// NFTA_SET_KEY_LEN, octets.
    public var length: Int {
        guard fields.count > 1 else { return fields.first?.length ?? 0 }
        return fields.reduce(0) { $0 + ($1.length + 3) / 4 * 4 }
    }

    public static let ipv4 = KeyType(.ipv4Address)
    public static let ipv6 = KeyType(.ipv6Address)
}

/// One element: a key, or the first and the last key of an interval.
public struct SetElement: Hashable, Sendable {
    /// As the kernel has it: addresses and ports in network order, a uid in the machine's.
    public var key: [UInt8]
    /// The last key that belongs to it, in a set of intervals; nil in other sets.
    public var last: [UInt8]?
    /// Milliseconds from its addition to its end; nil for the set's default.
    public var timeout: UInt64?
    /// Milliseconds until its end, in what was read back.
    public var expiration: UInt64?
    public var comment: String
    /// What it counted, in what was read back from a set whose elements count.
    public var count: Count?

    public struct Count: Hashable, Sendable {
        public var packets: UInt64
        public var bytes: UInt64

        public init(packets: UInt64, bytes: UInt64) {
            self.packets = packets
            self.bytes = bytes
        }
    }

    public init(
        _ key: [UInt8], through last: [UInt8]? = nil, timeout: UInt64? = nil, expiration: UInt64? = nil,
        comment: String = "", count: Count? = nil
    ) {
        self.key = key
        self.last = last
        self.timeout = timeout
        self.expiration = expiration
        self.comment = comment
        self.count = count
    }

    /// The key of the element that ends the interval in netlink: the one after `last`.
    ///
    /// Nil if the interval reaches the last key of all, or is none. Such an interval has no end element: one of zero
    /// would be wrong, and user data (INTERVAL_OPEN) tells `nft list` about it.
    public var endKey: [UInt8]? {
        guard var end = last else { return nil }
        for index in end.indices.reversed() {
            end[index] &+= 1
            if end[index] != 0 { return end }
        }
        return nil
    }

    /// The last key before one that ends an interval; nil before zero.
    public static func lastKey(before end: [UInt8]) -> [UInt8]? {
        var last = end
        for index in last.indices.reversed() {
            last[index] &-= 1
            if last[index] != 255 { return last }
        }
        return nil
    }

    public func contains(_ other: [UInt8]) -> Bool {
        guard let last else { return key == other }
        return !other.lexicographicallyPrecedes(key) && !last.lexicographicallyPrecedes(other)
    }
}
