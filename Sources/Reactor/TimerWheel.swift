/// Deadlines by the hundred thousand: arming, re-arming and cancelling cost the same however many there are.
///
/// Six levels of 64 buckets; a tick is 8.4 ms, so a timer fires up to one tick late and never early.
/// A session makes one timer when it begins and arms it as often as it likes without allocating.
/// Moving a deadline later (what nearly every command does) only writes a number: the timer is looked at when its
/// old bucket comes up and put where it belongs then.
public final class TimerWheel {
    /// A tick is 2 to this power nanoseconds.
    static let tickShift: UInt64 = 23
    static let levels = 6
    /// The longest delay in ticks, 104 days; a later deadline fires then.
    static let horizon: UInt64 = (1 << 30) - 1

    private static let none: Int32 = -1
    /// The list of timers that are being fired.
    private static let dueBucket = levels * 64

    private var nodes: [Node] = []
    private var freeNodes: [UInt32] = []
    private var heads: [Int32]
    private var occupied: [UInt64]
    private var current: UInt64

    /// A wheel that stands at `start`; it moves only by `advance`.
    public init(start: Instant) {
        heads = Array(repeating: Self.none, count: Self.dueBucket + 1)
        occupied = Array(repeating: 0, count: Self.levels)
        current = start.nanoseconds >> Self.tickShift
    }

    /// Timers that exist, armed or not.
    public var count: Int { nodes.count - freeNodes.count }

    private struct Node {
        var handler: (any TimerHandler)?
        var tag: UInt32 = 0
        var generation: UInt32 = 0
        var previous: Int32 = none
        var next: Int32 = none
        /// The bucket it is linked in, `none` when not armed.
        var bucket: Int32 = none
        /// The tick at which that bucket is looked at.
        var lookedAt: UInt64 = 0
        var deadline: UInt64 = 0
    }
}

/// A timer of one wheel; stays valid until it is discarded, and harmless after that.
public struct TimerID: Hashable, Sendable {
    let index: UInt32
    let generation: UInt32
}

// MARK: Owners' calls

extension TimerWheel {
    /// Makes an unarmed timer.
    ///
    /// The wheel keeps `handler` alive until `discard`.
    public func make(_ handler: any TimerHandler, tag: UInt32 = 0) -> TimerID {
        let index = freeNodes.popLast() ?? addNode()
        nodes[Int(index)].handler = handler
        nodes[Int(index)].tag = tag
        return TimerID(index: index, generation: nodes[Int(index)].generation)
    }

    /// Sets the deadline, whether one was set or not.
    ///
    /// A deadline that has passed fires at the next tick.
    public func arm(_ timer: TimerID, at deadline: Instant) {
        guard let i = index(of: timer) else { return }
        let (up, overflow) = deadline.nanoseconds.addingReportingOverflow((1 << Self.tickShift) - 1)
        let tick = (overflow ? .max : up) >> Self.tickShift
        nodes[i].deadline = min(max(tick, current + 1), current + Self.horizon)
        if nodes[i].bucket != Self.none {
            if nodes[i].lookedAt <= nodes[i].deadline { return }
            unlink(i)
        }
        place(i)
    }

    /// Takes the deadline away; the timer can be armed again.
    public func cancel(_ timer: TimerID) {
        guard let i = index(of: timer), nodes[i].bucket != Self.none else { return }
        unlink(i)
    }

    /// Ends the timer and lets go of its handler.
    public func discard(_ timer: TimerID) {
        guard let i = index(of: timer) else { return }
        if nodes[i].bucket != Self.none { unlink(i) }
        nodes[i].handler = nil
        nodes[i].generation &+= 1
        freeNodes.append(timer.index)
    }

    public func isArmed(_ timer: TimerID) -> Bool {
        guard let i = index(of: timer) else { return false }
        return nodes[i].bucket != Self.none
    }
}

// MARK: The driver's calls

extension TimerWheel {
    /// When `advance` has something to do next: a deadline, or an earlier look at one that was moved; nil when nothing is armed.
    public var nextDeadline: Instant? {
        guard let next = nextBucket else { return nil }
        return Instant(nanoseconds: next.tick << Self.tickShift)
    }

    /// Fires every timer whose deadline is not after `now`, in order of their ticks.
    ///
    /// Handlers may arm, cancel, make and discard any timer; what they arm never fires within the same call.
    public func advance(to now: Instant) {
        let target = now.nanoseconds >> Self.tickShift
        while let next = nextBucket, next.tick <= target {
            current = next.tick
            moveToDue(next.bucket)
            fireDue()
        }
        current = max(current, target)
    }

    private func fireDue() {
        while heads[Self.dueBucket] != Self.none {
            let i = Int(heads[Self.dueBucket])
            unlink(i)
            if nodes[i].deadline > current {
                place(i)
            } else {
                let tag = nodes[i].tag
                nodes[i].handler?.timerFired(tag: tag)
            }
        }
    }
}

// MARK: Buckets

extension TimerWheel {
    private func addNode() -> UInt32 {
        nodes.append(Node())
        return UInt32(nodes.count - 1)
    }

    private func index(of timer: TimerID) -> Int? {
        let i = Int(timer.index)
        return i < nodes.count && nodes[i].generation == timer.generation && nodes[i].handler != nil ? i : nil
    }

    /// The bucket that comes up first.
    ///
    /// All of a level lies ahead of `current` and before the next level's first.
    private var nextBucket: (tick: UInt64, bucket: Int)? {
        for level in 0..<Self.levels where occupied[level] != 0 {
            let slot = occupied[level].trailingZeroBitCount
            let shift = UInt64(6 * level)
            let base = (current >> (shift + 6)) << (shift + 6)
            return (base | (UInt64(slot) << shift), level * 64 + slot)
        }
        return nil
    }

    /// Links node `i` by the highest bit in which its deadline differs from now.
    private func place(_ i: Int) {
        // The top level turns once in 18 years; a deadline beyond that turn fires at its end.
        let deadline = min(nodes[i].deadline, current | (1 << UInt64(6 * Self.levels)) - 1)
        nodes[i].deadline = deadline
        let level = (63 - ((deadline ^ current) | 63).leadingZeroBitCount) / 6
        let shift = UInt64(6 * level)
        nodes[i].lookedAt = (deadline >> shift) << shift
        link(i, into: level * 64 + Int(deadline >> shift & 63))
    }

    private func link(_ i: Int, into bucket: Int) {
        let head = heads[bucket]
        nodes[i].bucket = Int32(bucket)
        nodes[i].previous = Self.none
        nodes[i].next = head
        if head != Self.none { nodes[Int(head)].previous = Int32(i) }
        heads[bucket] = Int32(i)
        if bucket < Self.dueBucket { occupied[bucket / 64] |= 1 << UInt64(bucket % 64) }
    }

    private func unlink(_ i: Int) {
        let (bucket, previous, next) = (Int(nodes[i].bucket), nodes[i].previous, nodes[i].next)
        if next != Self.none { nodes[Int(next)].previous = previous }
        if previous != Self.none {
            nodes[Int(previous)].next = next
        } else {
            heads[bucket] = next
            if next == Self.none, bucket < Self.dueBucket { occupied[bucket / 64] &= ~(1 << UInt64(bucket % 64)) }
        }
        nodes[i].bucket = Self.none
    }

    private func moveToDue(_ bucket: Int) {
        var i = heads[bucket]
        heads[Self.dueBucket] = i
        heads[bucket] = Self.none
        occupied[bucket / 64] &= ~(1 << UInt64(bucket % 64))
        while i != Self.none {
            nodes[Int(i)].bucket = Int32(Self.dueBucket)
            i = nodes[Int(i)].next
        }
    }
}
