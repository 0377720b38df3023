public import Bytes

/// Blocks of addresses as the kernel wants them: ascending, none touching or overlapping another, one family.
///
/// The kernel refuses what overlaps and never merges; so everything merges here, and rule sets are compared in this form.
public enum AddressIntervals {
    /// The elements of an interval set for one family.
    public static func elements(_ prefixes: [AddressPrefix], _ family: Family) -> [SetElement] {
        merged(prefixes, family).map { interval in
            SetElement(interval.first.octets(family), through: interval.last.octets(family))
        }
    }

    private typealias Interval = (first: IPAddress, last: IPAddress)

    private static func merged(_ prefixes: [AddressPrefix], _ family: Family) -> [Interval] {
        let sorted = prefixes.filter { $0.address.isV4 == (family == .ipv4) }
            .map { (first: $0.address, last: $0.lastAddress) }
            .sorted { $0.first.precedes($1.first) }
        var merged: [Interval] = []
        for next in sorted {
            if let before = merged.last, !before.last.isFollowed(by: next.first) {
                if before.last.precedes(next.last) { merged[merged.count - 1].last = next.last }
            } else {
                merged.append(next)
            }
        }
        return merged
    }
}

extension IPAddress {
    /// As a key of a set: 4 or 16 octets in network order.
    public func octets(_ family: Family) -> [UInt8] {
        switch family {
        case .ipv4: v4Bits.networkOctets
        case .ipv6: high.networkOctets + low.networkOctets
        }
    }

    /// From a key of a set; nil for another number of octets.
    public init?(octets: [UInt8]) {
        func number(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
        switch octets.count {
        case 4: self.init(v4: UInt32(truncatingIfNeeded: number(octets[...])))
        case 16: self.init(high: number(octets[..<8]), low: number(octets[8...]))
        default: return nil
        }
    }

    public var family: Family { isV4 ? .ipv4 : .ipv6 }

    fileprivate func precedes(_ other: IPAddress) -> Bool { (high, low) < (other.high, other.low) }

    /// Whether an address lies between this one and `other`.
    fileprivate func isFollowed(by other: IPAddress) -> Bool {
        let (low, carries) = self.low.addingReportingOverflow(1)
        let (high, wraps) = self.high.addingReportingOverflow(carries ? 1 : 0)
        return !wraps && (high, low) < (other.high, other.low)
    }
}

extension AddressPrefix {
    /// The last address of the block.
    public var lastAddress: IPAddress {
        let free = (address.isV4 ? 32 : 128) - length
        func ones(_ count: Int) -> UInt64 { count <= 0 ? 0 : count >= 64 ? ~0 : ~(~0 << UInt64(count)) }
        return IPAddress(high: address.high | ones(free - 64), low: address.low | ones(free))
    }

    /// The key of a host in the sets that tell IPv6 hosts apart by their first 64 bits.
    public var hostKey: [UInt8] { address.octets(address.family) }
}
