/// A limit in the generic cell rate algorithm: `burst` at once, then `rate` steadily.
///
/// In any time t it passes at most burst + rate × t. Arithmetic is in integer nanoseconds and saturates, so neither a
/// huge period nor a clock that jumps can make it trap or pass more.
public struct RateLimit: Hashable, Sendable {
    /// Nanoseconds that one event pays for, rounded up: a rate that does not divide its period is never exceeded.
    public let interval: UInt64
    /// Nanoseconds that may be owed: the burst.
    public let tolerance: UInt64

    /// `count` events in `period` nanoseconds with bursts of `burst` events; at least one of each.
    public init(count: UInt64, period: UInt64, burst: UInt64) {
        let count = max(1, count)
        interval = max(1, period / count + (period % count == 0 ? 0 : 1))
        tolerance = interval.multipliedSaturating(by: max(1, burst))
    }

    /// Charges one event at `now`; `arrival` is the bucket: the time at which it would be empty (0 for a new one).
    ///
    /// Returns false, and charges nothing, when the limit is exceeded.
    public func charge(_ arrival: inout UInt64, cost: UInt64 = 1, now: UInt64) -> Bool {
        let next = self.next(arrival, cost: cost, now: now)
        guard next - now <= tolerance else { return false }
        arrival = next
        return true
    }

    /// Nanoseconds until an event of `cost` would pass; 0 if it passes now, the most there is if it never will.
    public func wait(_ arrival: UInt64, cost: UInt64 = 1, now: UInt64) -> UInt64 {
        if interval.multipliedSaturating(by: cost) > tolerance { return .max }
        let owed = next(arrival, cost: cost, now: now) - now
        return owed > tolerance ? owed - tolerance : 0
    }

    /// How many events of cost 1 would pass now.
    public func remaining(_ arrival: UInt64, now: UInt64) -> UInt64 {
        let owed = arrival > now ? arrival - now : 0
        return owed >= tolerance ? 0 : (tolerance - owed) / interval
    }

    /// The bucket that makes an event of `cost` wait so long at `now`, as `wait` would say; the fullest there is for one
    /// that never passes.
    public func arrival(waiting wait: UInt64, cost: UInt64, now: UInt64) -> UInt64 {
        let charged = interval.multipliedSaturating(by: cost)
        let free = tolerance > charged ? tolerance - charged : 0
        return now.addingSaturating(wait).addingSaturating(free)
    }

    /// Gives back an event of `cost` that was charged when the bucket would have been empty at `since` without it.
    ///
    /// What has drained in the meantime is not given back: a bucket may stay fuller than it need be, never emptier.
    public func refund(_ arrival: inout UInt64, cost: UInt64, since: UInt64, now: UInt64) {
        let charged = interval.multipliedSaturating(by: cost)
        let drained = now > since ? now - since : 0
        guard charged > drained else { return }
        let given = charged - drained
        arrival = arrival > given ? arrival - given : 0
    }

    /// The bucket after an event of `cost`; never before `now`.
    private func next(_ arrival: UInt64, cost: UInt64, now: UInt64) -> UInt64 {
        max(arrival, now).addingSaturating(interval.multipliedSaturating(by: cost))
    }
}

extension UInt64 {
    fileprivate func addingSaturating(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    fileprivate func multipliedSaturating(by other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
