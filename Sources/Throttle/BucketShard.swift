// Some of the buckets of a table: a hash table that answers from one line of memory, the buckets' names, and a heap that
// knows which bucket is worth least.

/// Which bucket: a limit and the value of its key.
public struct BucketName: Hashable, Sendable {
    public let family: UInt64
    public let key: [UInt8]

    public init(family: UInt64, key: [UInt8]) {
        self.family = family
        self.key = key
    }

    /// Under this process's own key; never 0.
    var hash: UInt64 {
        var hasher = Hasher()
        hasher.combine(family)
        unsafe key.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return max(1, UInt64(bitPattern: Int64(hasher.finalize())))
    }
}

/// A bucket is told by the 64 bits of its name's hash, which this process's key makes; its name lies elsewhere in memory
/// and would cost as much again: among a million buckets the chance that any two are taken for one is one in 36 million,
/// and nobody outside can raise it.
struct BucketShard: Sendable {
    /// What a decision reads and writes; a bucket may move from place to place, its slot stays.
    private struct Entry: Sendable {
        /// 0 where there is none.
        var hash: UInt64
        var arrival: UInt64
    }

    private let capacity: Int
    /// Linear probing; at most four fifths are taken.
    private var entries: [Entry] = []
    /// The slots of the entries.
    private var slots: [UInt32] = []
    /// The places of the slots' entries.
    private var places: [UInt32] = []
    private var names = NameStore()
    private var ranks = RankHeap()

    init(capacity: Int) {
        self.capacity = min(max(1, capacity), Int(UInt32.max) / 2)
    }

    var count: Int { places.count }

    /// When the bucket would be empty; 0 for one that is not there.
    func arrival(_ hash: UInt64) -> UInt64 {
        find(hash).map { entries[$0].arrival } ?? 0
    }

    /// Charges one event: nil and when the bucket would have been empty without it, or the wait and nothing is charged.
    ///
    /// The bucket is looked for once; in a large table that is most of the cost.
    mutating func charge(_ charge: BucketCharge, _ hash: UInt64, now: UInt64) -> (wait: UInt64?, since: UInt64) {
        guard let place = find(hash) else {
            var arrival: UInt64 = 0
            guard charge.rate.charge(&arrival, cost: charge.cost, now: now) else {
                return (charge.rate.wait(0, cost: charge.cost, now: now), now)
            }
            insert(charge.name, hash, arrival)
            return (nil, now)
        }
        let since = max(entries[place].arrival, now)
        if charge.rate.charge(&entries[place].arrival, cost: charge.cost, now: now) { return (nil, since) }
        return (charge.rate.wait(entries[place].arrival, cost: charge.cost, now: now), since)
    }

    /// Sets the arrival; where there is no room the bucket that has been full longest goes, or the one nearest to it.
    mutating func set(_ name: BucketName, _ hash: UInt64, to arrival: UInt64) {
        if let place = find(hash) {
            entries[place].arrival = arrival
        } else {
            insert(name, hash, arrival)
        }
    }

    /// Lowers the arrival of a bucket that is still there; false if it is not.
    mutating func lower(_ hash: UInt64, _ change: (inout UInt64) -> Void) -> Bool {
        guard let place = find(hash) else { return false }
        change(&entries[place].arrival)
        return true
    }

    /// At most `count` buckets from the slot `first` on, in no order that means anything.
    func some(from first: Int, atMost count: Int) -> [(BucketName, UInt64)] {
        guard first < places.count else { return [] }
        return (first..<min(places.count, first + count)).map { (names[$0], entries[Int(places[$0])].arrival) }
    }

    // MARK: Buckets come and go

    private mutating func insert(_ name: BucketName, _ hash: UInt64, _ arrival: UInt64) {
        let slot: Int
        if places.count < capacity {
            if (places.count + 1) * 5 > entries.count * 4 { grow() }
            slot = places.count
            places.append(0)
            names.append(name)
        } else {
            slot = leastWorth()
            remove(Int(places[slot]))
            names[slot] = name
        }
        enter(Entry(hash: hash, arrival: arrival), UInt32(truncatingIfNeeded: slot))
        ranks.push(arrival, UInt32(truncatingIfNeeded: slot))
    }

    /// The bucket with the smallest arrival; ranks that are out of date are corrected on the way.
    ///
    /// An arrival only grows, but for refunds, which may let a bucket stay longer than it need.
    private mutating func leastWorth() -> Int {
        while let least = ranks.first {
            let arrival = entries[Int(places[Int(least.slot)])].arrival
            if arrival <= least.arrival { break }
            ranks.raiseFirst(to: arrival)
        }
        return Int(ranks.popFirst() ?? 0)
    }

    // MARK: Places

    private func find(_ hash: UInt64) -> Int? {
        if entries.isEmpty { return nil }
        var place = home(hash)
        while true {
            let found = entries[place].hash
            if found == hash { return place }
            if found == 0 { return nil }
            place = after(place)
        }
    }

    /// Where a bucket is looked for first: by the bits that do not choose the shard.
    private func home(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: (hash << 10).multipliedFullWidth(by: UInt64(entries.count)).high)
    }

    private func after(_ place: Int) -> Int { place + 1 == entries.count ? 0 : place + 1 }

    private mutating func enter(_ entry: Entry, _ slot: UInt32) {
        var place = home(entry.hash)
        while entries[place].hash != 0 { place = after(place) }
        put(entry, slot, at: place)
    }

    private mutating func put(_ entry: Entry, _ slot: UInt32, at place: Int) {
        entries[place] = entry
        slots[place] = slot
        places[Int(slot)] = UInt32(truncatingIfNeeded: place)
    }

    private mutating func grow() {
        let (oldEntries, oldSlots) = (entries, slots)
        let size = max(16, oldEntries.count + oldEntries.count / 2)
        entries = [Entry](repeating: Entry(hash: 0, arrival: 0), count: size)
        slots = [UInt32](repeating: 0, count: size)
        for (entry, slot) in zip(oldEntries, oldSlots) where entry.hash != 0 { enter(entry, slot) }
    }

    /// Closes the gap by moving back what was pushed on by it.
    private mutating func remove(_ place: Int) {
        var gap = place
        var next = after(gap)
        while entries[next].hash != 0 {
            if distance(from: home(entries[next].hash), to: next) >= distance(from: gap, to: next) {
                put(entries[next], slots[next], at: gap)
                gap = next
            }
            next = after(next)
        }
        entries[gap].hash = 0
    }

    private func distance(from first: Int, to last: Int) -> Int {
        last >= first ? last - first : last - first + entries.count
    }
}
