/// Slots by their arrival when it was last looked at: a binary heap, the smallest first.
struct RankHeap: Sendable {
    private var arrivals: [UInt64] = []
    private var slots: [UInt32] = []

    var first: (arrival: UInt64, slot: UInt32)? {
        arrivals.first.map { ($0, slots[0]) }
    }

    mutating func push(_ arrival: UInt64, _ slot: UInt32) {
        arrivals.append(arrival)
        slots.append(slot)
        var index = arrivals.count - 1
        while index > 0, arrivals[index] < arrivals[(index - 1) / 2] {
            swap(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// The first one has become worth more.
    mutating func raiseFirst(to arrival: UInt64) {
        arrivals[0] = arrival
        sink()
    }

    mutating func popFirst() -> UInt32? {
        guard let first = slots.first else { return nil }
        swap(0, slots.count - 1)
        arrivals.removeLast()
        slots.removeLast()
        sink()
        return first
    }

    private mutating func sink() {
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < arrivals.count && arrivals[child] < arrivals[least] {
                least = child
            }
            if least == index { return }
            swap(index, least)
            index = least
        }
    }

    private mutating func swap(_ a: Int, _ b: Int) {
        arrivals.swapAt(a, b)
        slots.swapAt(a, b)
    }
}
