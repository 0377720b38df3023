import Bytes
import FirewallPlan

extension AddressPrefix {
    /// The one host that sets are keyed by: an IPv4 address or an IPv6 /64; nil for anything wider.
    var asHost: AddressPrefix? {
        let bits = address.isV4 ? 32 : 64
        return length >= bits ? AddressPrefix(address, bits: bits) : nil
    }

    var family: Family { address.isV4 ? .ipv4 : .ipv6 }

    /// The key in the kernel: the address in network order.
    var key: [UInt8] {
        if address.isV4 { return withUnsafeBytes(of: address.v4Bits.bigEndian) { Array($0) } }
        return withUnsafeBytes(of: (address.high.bigEndian, address.low.bigEndian)) { Array($0) }
    }

    /// From such a key; nil for one that is no address.
    init?(key: [UInt8]) {
        switch key.count {
        case 4:
            self.init(IPAddress(v4: key.reduce(0) { $0 << 8 | UInt32($1) }), bits: 32)
        case 16:
            func half(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
            self.init(IPAddress(high: half(key[..<8]), low: half(key[8...])), bits: 64)
        default: return nil
        }
    }
}
