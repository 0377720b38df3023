// Some of the buckets of a table: a hash table of slots, and a heap that knows which bucket is worth least.

/// Which bucket: a limit and the value of its key.
public struct BucketName: Hashable, Sendable {
    public let family: UInt64
    public let key: [UInt8]

    public init(family: UInt64, key: [UInt8]) {
        self.family = family
        self.key = key
    }

    var hash: UInt64 {
        var hasher = Hasher()
        hasher.combine(family)
        unsafe key.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}

struct BucketShard: Sendable {
    private struct Slot: Sendable {
        var name: BucketName
        var hash: UInt64
        var arrival: UInt64
    }

    /// A slot and its arrival when it was last looked at, which can only have grown since, but for refunds.
    private struct Rank: Sendable {
        var arrival: UInt64
        var slot: Int32
    }

    private let capacity: Int
    private var slots: [Slot] = []
    /// Numbers of slots, -1 for none; a power of two of them, at most half of them taken.
    private var places: [Int32] = []
    /// A binary heap, the smallest arrival first.
    private var heap: [Rank] = []

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    var count: Int { slots.count }

    /// When the bucket would be empty; 0 for one that is not there.
    func arrival(_ name: BucketName, _ hash: UInt64) -> UInt64 {
        guard let slot = find(name, hash) else { return 0 }
        return slots[slot].arrival
    }

    /// Charges one event: nil and when the bucket would have been empty without it, or the wait and nothing is charged.
    ///
    /// The bucket is looked for once; in a large table that is most of the cost.
    mutating func charge(_ charge: BucketCharge, _ hash: UInt64, now: UInt64) -> (wait: UInt64?, since: UInt64) {
        guard let slot = find(charge.name, hash) else {
            var arrival: UInt64 = 0
            guard charge.rate.charge(&arrival, cost: charge.cost, now: now) else {
                return (charge.rate.wait(0, cost: charge.cost, now: now), now)
            }
            set(charge.name, hash, to: arrival)
            return (nil, now)
        }
        let since = max(slots[slot].arrival, now)
        if charge.rate.charge(&slots[slot].arrival, cost: charge.cost, now: now) { return (nil, since) }
        return (charge.rate.wait(slots[slot].arrival, cost: charge.cost, now: now), since)
    }

    /// Sets the arrival; where there is no room the bucket that has been full longest goes, or the one nearest to it.
    mutating func set(_ name: BucketName, _ hash: UInt64, to arrival: UInt64) {
        if let slot = find(name, hash) {
            slots[slot].arrival = arrival
        } else if slots.count < capacity {
            if (slots.count + 1) * 2 > places.count { grow() }
            slots.append(Slot(name: name, hash: hash, arrival: arrival))
            enter(slots.count - 1)
        } else {
            let slot = leastWorth()
            remove(slot)
            slots[slot] = Slot(name: name, hash: hash, arrival: arrival)
            enter(slot)
        }
    }

    /// Lowers the arrival of a bucket that is still there; false if it is not.
    mutating func lower(_ name: BucketName, _ hash: UInt64, _ change: (inout UInt64) -> Void) -> Bool {
        guard let slot = find(name, hash) else { return false }
        change(&slots[slot].arrival)
        return true
    }

    /// At most `count` buckets from the place `first` on, in no order that means anything.
    func some(from first: Int, atMost count: Int) -> [(BucketName, UInt64)] {
        guard first < slots.count else { return [] }
        return slots[first..<min(slots.count, first + count)].map { ($0.name, $0.arrival) }
    }

    // MARK: Places

    /// Compares the limit and 64 bits of a hash under this process's key, but not the key's octets, which lie elsewhere in
    /// memory and would cost as much as all the rest: among a million keys of one limit the chance that any two share a
    /// bucket is one in 36 million, and nobody outside can raise it.
    private func find(_ name: BucketName, _ hash: UInt64) -> Int? {
        if places.isEmpty { return nil }
        let mask = places.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while places[place] >= 0 {
            let slot = Int(places[place])
            if slots[slot].hash == hash, slots[slot].name.family == name.family { return slot }
            place = (place + 1) & mask
        }
        return nil
    }

    private mutating func enter(_ slot: Int) {
        take(slot)
        heap.append(Rank(arrival: slots[slot].arrival, slot: Int32(clamping: slot)))
        siftUp(heap.count - 1)
    }

    private mutating func take(_ slot: Int) {
        let mask = places.count - 1
        var place = Int(truncatingIfNeeded: slots[slot].hash) & mask
        while places[place] >= 0 { place = (place + 1) & mask }
        places[place] = Int32(clamping: slot)
    }

    private mutating func grow() {
        places = [Int32](repeating: -1, count: max(16, places.count * 2))
        for slot in slots.indices { take(slot) }
    }

    /// Closes the gap by moving back what was pushed on by it.
    private mutating func remove(_ slot: Int) {
        let mask = places.count - 1
        var gap = Int(truncatingIfNeeded: slots[slot].hash) & mask
        while Int(places[gap]) != slot { gap = (gap + 1) & mask }
        var place = (gap + 1) & mask
        while places[place] >= 0 {
            let home = Int(truncatingIfNeeded: slots[Int(places[place])].hash) & mask
            if (place - home) & mask >= (place - gap) & mask {
                places[gap] = places[place]
                gap = place
            }
            place = (place + 1) & mask
        }
        places[gap] = -1
    }

    // MARK: Ranks

    /// Takes the slot with the smallest arrival out of the heap, correcting ranks that are out of date on the way.
    private mutating func leastWorth() -> Int {
        while let first = heap.first, slots[Int(first.slot)].arrival > first.arrival {
            heap[0].arrival = slots[Int(first.slot)].arrival
            siftDown(0)
        }
        let slot = heap.first.map { Int($0.slot) } ?? 0
        heap[0] = heap[heap.count - 1]
        heap.removeLast()
        if !heap.isEmpty { siftDown(0) }
        return slot
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0, heap[index].arrival < heap[(index - 1) / 2].arrival {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && heap[child].arrival < heap[least].arrival {
                least = child
            }
            if least == index { return }
            heap.swapAt(index, least)
            index = least
        }
    }
}
