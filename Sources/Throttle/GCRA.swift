/// A limit in the generic cell rate algorithm: `burst` at once, then `rate` steadily.
///
/// In any time t it passes at most burst + rate × t. Arithmetic is in integer nanoseconds and saturates, so neither a
/// huge period nor a clock that jumps can make it trap or pass more.
public struct RateLimit: Hashable, Sendable {
    /// Nanoseconds that one event pays for.
    public let interval: UInt64
    /// Nanoseconds that may be owed: the burst.
    public let tolerance: UInt64

    /// `count` events in `period` nanoseconds with bursts of `burst` events; at least one of each.
    public init(count: UInt64, period: UInt64, burst: UInt64) {
        interval = max(1, period / max(1, count))
        tolerance = interval.multipliedSaturating(by: max(1, burst))
    }

    /// Charges one event at `now`; `arrival` is the bucket: the time at which it would be empty (0 for a new one).
    ///
    /// Returns false, and charges nothing, when the limit is exceeded.
    public func charge(_ arrival: inout UInt64, now: UInt64) -> Bool {
        let base = max(arrival, now)
        let next = base.addingSaturating(interval)
        guard next - now <= tolerance else { return false }
        arrival = next
        return true
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
