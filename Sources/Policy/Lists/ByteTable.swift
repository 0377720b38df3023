// A hash set of octet strings, built once and then only read: 100,000 entries are two arrays, not 100,000 objects.
//
// The hash runs from the last octet to the first, so that one pass over a domain gives the hash of each of its suffixes.

struct ByteTable: Sendable {
    /// In which forms an entry was written.
    struct Forms: OptionSet, Sendable {
        let rawValue: UInt8
        static let written = Forms(rawValue: 1)
        static let canonical = Forms(rawValue: 2)
    }

    private struct Entry: Sendable {
        var offset: Int
        var count: Int32
        /// The last day that it holds.
        var until: Int32
        var hash: UInt32
        var forms: Forms
    }

    private var octets: [UInt8] = []
    private var entries: [Entry] = []
    /// Indices of entries, -1 for none; a power of two of them, at most half of them taken.
    private var slots: [Int32] = []

    static let seed: UInt64 = 0xCBF2_9CE4_8422_2325

    var count: Int { entries.count }

    /// FNV-1a, continued with `octet`.
    @inline(__always)
    static func mix(_ hash: UInt64, _ octet: UInt8) -> UInt64 {
        (hash ^ UInt64(octet)) &* 0x100_0000_01B3
    }

    /// The hash of `text`, from its end.
    @inline(__always)
    static func hash(_ text: Span<UInt8>, from start: UInt64 = seed) -> UInt64 {
        var hash = start
        var index = text.count
        while index > 0 {
            index &-= 1
            hash = mix(hash, text[index])
        }
        return hash
    }

    @inline(__always)
    private static func folded(_ hash: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    }

    // MARK: Building

    /// Adds `key`; one that is there holds as long as the longer of both.
    mutating func insert(_ key: [UInt8], until: Int32, forms: Forms = [.written, .canonical]) {
        if (entries.count + 1) * 2 > slots.count { grow() }
        let hash = Self.hash(key.span)
        let (slot, found) = place(key.span, hash)
        if found >= 0 {
            entries[Int(found)].until = max(entries[Int(found)].until, until)
            entries[Int(found)].forms.formUnion(forms)
            return
        }
        slots[slot] = Int32(truncatingIfNeeded: entries.count)
        entries.append(
            Entry(
                offset: octets.count, count: Int32(clamping: key.count), until: until, hash: Self.folded(hash),
                forms: forms))
        octets += key
    }

    private mutating func grow() {
        let size = max(16, slots.count * 2)
        slots = [Int32](repeating: -1, count: size)
        for (index, entry) in entries.enumerated() {
            var slot = Int(entry.hash) & (size - 1)
            while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = Int32(truncatingIfNeeded: index)
        }
    }

    // MARK: Asking

    /// Whether `key` is an entry on `day`, in one of `forms`.
    @inline(__always)
    func contains(_ key: Span<UInt8>, on day: Int32, forms: Forms = [.written, .canonical]) -> Bool {
        contains(key, hash: Self.hash(key), on: day, forms: forms)
    }

    /// The same with the hash known.
    @inline(__always)
    func contains(
        _ key: Span<UInt8>, hash: UInt64, on day: Int32, forms: Forms = [.written, .canonical]
    ) -> Bool {
        if entries.isEmpty { return false }
        let found = place(key, hash).entry
        guard found >= 0 else { return false }
        return entries[Int(found)].until >= day && !entries[Int(found)].forms.isDisjoint(with: forms)
    }

    /// Whether the entry `key`, NUL, `value` is there on `day`.
    func contains(_ key: Span<UInt8>, _ value: Span<UInt8>, on day: Int32) -> Bool {
        if entries.isEmpty { return false }
        let hash = Self.hash(key, from: Self.mix(Self.hash(value), 0))
        let folded = Self.folded(hash)
        let mask = slots.count &- 1
        var slot = Int(folded) & mask
        while slots[slot] >= 0 {
            let entry = entries[Int(slots[slot])]
            if entry.hash == folded, isPair(entry, key, value) { return entry.until >= day }
            slot = (slot &+ 1) & mask
        }
        return false
    }

    private func isPair(_ entry: Entry, _ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool {
        guard Int(entry.count) == key.count + 1 + value.count, octets[entry.offset + key.count] == 0 else {
            return false
        }
        for index in key.indices where octets[entry.offset + index] != key[index] { return false }
        let start = entry.offset + key.count + 1
        for index in value.indices where octets[start + index] != value[index] { return false }
        return true
    }

    /// Which entry `key` is, counted in the order of insertion.
    func index(of key: Span<UInt8>) -> Int? {
        if entries.isEmpty { return nil }
        let found = place(key, Self.hash(key)).entry
        return found < 0 ? nil : Int(found)
    }

    /// The same with the hash known.
    @inline(__always)
    func index(of key: Span<UInt8>, hash: UInt64) -> Int? {
        if entries.isEmpty { return nil }
        let found = place(key, hash).entry
        return found < 0 ? nil : Int(found)
    }

    /// Every entry in the order of insertion, with its last day.
    func forEach(_ body: ([UInt8], Int32, Forms) -> Void) {
        for entry in entries {
            body(Array(octets[entry.offset..<(entry.offset + Int(entry.count))]), entry.until, entry.forms)
        }
    }

    private func place(_ key: Span<UInt8>, _ hash: UInt64) -> (slot: Int, entry: Int32) {
        let mask = slots.count &- 1
        let folded = Self.folded(hash)
        var slot = Int(folded) & mask
        while true {
            let index = slots[slot]
            if index < 0 { return (slot, -1) }
            if entries[Int(index)].hash == folded, isEntry(Int(index), key) { return (slot, index) }
            slot = (slot &+ 1) & mask
        }
    }

    private func isEntry(_ index: Int, _ key: Span<UInt8>) -> Bool {
        let entry = entries[index]
        guard Int(entry.count) == key.count else { return false }
        var offset = 0
        while offset < key.count {
            if octets[entry.offset &+ offset] != key[offset] { return false }
            offset &+= 1
        }
        return true
    }
}
