import Bytes

/// The addresses that connections come from, one after the other.
///
/// The kernel has some 28,000 ports for connections from one address to one listener, and looks at every used one on
/// its way to a free one: thousands of open or lately closed connections from a single address would make each
/// `connect` of the loader cost milliseconds. A crowd has an address each, and no such trouble.
struct Sources {
    private let first: UInt32
    private let count: UInt32
    private var used: UInt32 = 0

    /// Every address of a prefix of IPv4 that this machine takes for its own, as it does 127.0.0.0/8.
    init?(_ text: String) {
        guard let prefix = AddressPrefix(text), prefix.address.isV4, (8...32).contains(prefix.length) else {
            return nil
        }
        first = prefix.address.v4Bits
        count = 1 << UInt32(32 - prefix.length)
    }

    mutating func next() -> IPAddress {
        defer { used &+= 1 }
        return IPAddress(v4: first &+ used % count)
    }
}
