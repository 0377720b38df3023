/// The names of buckets by slot, packed: a name's own array would weigh twice as much as all the rest of its bucket.
struct NameStore: Sendable {
    /// Records: the family in 8 octets, the key's length in 2, the key.
    private var octets: [UInt8] = []
    /// Where the slots' records begin.
    private var starts: [UInt32] = []
    /// Octets of records that nobody refers to any more.
    private var wasted = 0

    private static let header = 10
    /// Two addresses of full length; what is longer is cut here, and has a bucket of its own only until a restart.
    private static let longestKey = 512

    mutating func append(_ name: BucketName) {
        starts.append(0)
        write(name, starts.count - 1)
    }

    subscript(slot: Int) -> BucketName {
        get {
            let start = Int(starts[slot])
            let key = start + Self.header
            return BucketName(
                family: integer(at: start, octets: 8), key: Array(octets[key..<key + length(at: start)]))
        }
        set {
            wasted += Self.header + length(at: Int(starts[slot]))
            write(newValue, slot)
            if wasted > octets.count / 3, wasted > 64 * Self.longestKey { compact() }
        }
    }

    private mutating func write(_ name: BucketName, _ slot: Int) {
        starts[slot] = UInt32(truncatingIfNeeded: octets.count)
        for shift in stride(from: 0, to: 64, by: 8) {
            octets.append(UInt8(truncatingIfNeeded: name.family >> UInt64(shift)))
        }
        let key = name.key.prefix(Self.longestKey)
        octets.append(UInt8(truncatingIfNeeded: key.count))
        octets.append(UInt8(truncatingIfNeeded: key.count >> 8))
        octets.append(contentsOf: key)
    }

    private func length(at start: Int) -> Int { Int(integer(at: start + 8, octets: 2)) }

    private func integer(at start: Int, octets count: Int) -> UInt64 {
        octets[start..<start + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func compact() {
        var packed: [UInt8] = []
        packed.reserveCapacity(octets.count - wasted)
        for slot in starts.indices {
            let start = Int(starts[slot])
            starts[slot] = UInt32(truncatingIfNeeded: packed.count)
            packed.append(contentsOf: octets[start..<start + Self.header + length(at: start)])
        }
        octets = packed
        wasted = 0
    }
}
