import Bytes

/// The addresses that connections come from, one after the other.
///
/// From one address to one listener the kernel has 28,000 ports and takes every second one first. Once these are used,
/// by connections that are open or were closed lately, each further `connect` searches for milliseconds: the loader's
/// trouble, which a crowd of clients with an address each has not.
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
