import Bytes

/// Address prefixes in a path-compressed binary trie: a question costs at most as many steps as the address has bits,
/// usually as many as there are prefixes on its path and the logarithm of their number.
struct PrefixTrie: Sendable {
    private struct Node: Sendable {
        var high: UInt64
        var low: UInt64
        /// Bits of the 128-bit form.
        var length: Int32
        /// The last day that the prefix holds; `absent` for a node that only branches.
        var until: Int32
        var zero: Int32 = -1
        var one: Int32 = -1
    }

    private static let absent = Int32.min

    private var nodes: [Node] = []
    private var v4: Int32 = -1
    private var v6: Int32 = -1
    private(set) var count = 0

    // MARK: Building

    /// Adds a prefix; one that is there holds as long as the longer of both.
    mutating func insert(_ prefix: AddressPrefix, until: Int32) {
        let length = Int32(clamping: prefix.address.isV4 ? prefix.length + 96 : prefix.length)
        let new = Node(high: prefix.address.high, low: prefix.address.low, length: length, until: until)
        if prefix.address.isV4 {
            v4 = insert(new, below: v4)
        } else {
            v6 = insert(new, below: v6)
        }
    }

    /// The root of the subtree with `new` in it.
    private mutating func insert(_ new: Node, below root: Int32) -> Int32 {
        var parent: Int32 = -1
        var place = root
        while place >= 0 {
            let node = nodes[Int(place)]
            let common = min(Self.commonBits(node, new.high, new.low), node.length, new.length)
            if common < node.length { break }
            if new.length == node.length {
                if node.until == Self.absent { count += 1 }
                nodes[Int(place)].until = max(node.until, new.until)
                return root
            }
            parent = place
            place = Self.bit(node.length, new.high, new.low) ? node.one : node.zero
        }
        count += 1
        let added = graft(new, over: place)
        guard parent >= 0 else { return added }
        if Self.bit(nodes[Int(parent)].length, new.high, new.low) {
            nodes[Int(parent)].one = added
        } else {
            nodes[Int(parent)].zero = added
        }
        return root
    }

    /// Puts `new` where `old` (or nothing) stood, and `old` below it or beside it.
    private mutating func graft(_ new: Node, over old: Int32) -> Int32 {
        guard old >= 0 else { return append(new) }
        let node = nodes[Int(old)]
        let common = min(Self.commonBits(node, new.high, new.low), node.length, new.length)
        if common == new.length {
            var new = new
            if Self.bit(common, node.high, node.low) { new.one = old } else { new.zero = old }
            return append(new)
        }
        let leaf = append(new)
        var branch = Node(high: new.high, low: new.low, length: common, until: Self.absent)
        if Self.bit(common, new.high, new.low) {
            (branch.zero, branch.one) = (old, leaf)
        } else {
            (branch.zero, branch.one) = (leaf, old)
        }
        return append(branch)
    }

    private mutating func append(_ node: Node) -> Int32 {
        nodes.append(node)
        return Int32(clamping: nodes.count - 1)
    }

    // MARK: Asking

    /// Whether a prefix that holds on `day` covers `address`.
    func contains(_ address: IPAddress, on day: Int32) -> Bool {
        covers(address, length: 128, on: day)
    }

    /// Whether a prefix that holds on `day` covers all of `net`.
    func contains(_ net: AddressPrefix, on day: Int32) -> Bool {
        covers(net.address, length: Int32(clamping: net.address.isV4 ? net.length + 96 : net.length), on: day)
    }

    private func covers(_ address: IPAddress, length: Int32, on day: Int32) -> Bool {
        var place = address.isV4 ? v4 : v6
        while place >= 0 {
            let node = nodes[Int(place)]
            if node.length > length || Self.commonBits(node, address.high, address.low) < node.length { return false }
            if node.until >= day, node.until != Self.absent { return true }
            if node.length >= 128 { return false }
            place = Self.bit(node.length, address.high, address.low) ? node.one : node.zero
        }
        return false
    }

    // MARK: Walking

    var nodeCount: Int { nodes.count }

    /// Every prefix with its last day.
    func forEach(_ body: (AddressPrefix, Int32) -> Void) {
        for node in nodes where node.until != Self.absent {
            let address = IPAddress(high: node.high, low: node.low)
            body(AddressPrefix(address, bits: Int(node.length) - (address.isV4 ? 96 : 0)), node.until)
        }
    }

    /// The node of a prefix that is there.
    func place(of prefix: AddressPrefix) -> Int32? {
        let length = Int32(clamping: prefix.address.isV4 ? prefix.length + 96 : prefix.length)
        var place = cover(of: prefix.address, length: length, below: nil)
        while let found = place, nodes[Int(found)].length < length {
            place = cover(of: prefix.address, length: length, below: found)
        }
        return place
    }

    /// The widest prefix that covers the first `length` bits of `address`; of those, the next narrower one than `node`.
    func cover(of address: IPAddress, length: Int32, below node: Int32?) -> Int32? {
        var place: Int32
        if let node {
            place = next(below: node, address)
        } else {
            place = address.isV4 ? v4 : v6
        }
        while place >= 0 {
            let node = nodes[Int(place)]
            if node.length > length || Self.commonBits(node, address.high, address.low) < node.length { return nil }
            if node.until != Self.absent { return place }
            place = next(below: place, address)
        }
        return nil
    }

    private func next(below place: Int32, _ address: IPAddress) -> Int32 {
        let node = nodes[Int(place)]
        if node.length >= 128 { return -1 }
        return Self.bit(node.length, address.high, address.low) ? node.one : node.zero
    }

    @inline(__always)
    private static func commonBits(_ node: Node, _ high: UInt64, _ low: UInt64) -> Int32 {
        let upper = node.high ^ high
        if upper != 0 { return Int32(truncatingIfNeeded: upper.leadingZeroBitCount) }
        return 64 &+ Int32(truncatingIfNeeded: (node.low ^ low).leadingZeroBitCount)
    }

    @inline(__always)
    private static func bit(_ index: Int32, _ high: UInt64, _ low: UInt64) -> Bool {
        index < 64 ? (high << UInt64(index)) >> 63 == 1 : (low << UInt64(index - 64)) >> 63 == 1
    }
}
