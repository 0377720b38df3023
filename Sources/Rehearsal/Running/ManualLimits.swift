internal import Policy
internal import Throttle

/// The buckets of one test, on its own clock.
struct ManualLimits {
    private struct Key: Hashable {
        let family: UInt64
        let key: [UInt8]
    }

    /// The theoretical arrival time of each bucket, in the same units as the clock.
    private var arrivals: [Key: UInt64] = [:]

    mutating func answer(_ ask: Ask, now: UInt64) -> Answer {
        switch ask {
        case .charge(let charges): charge(charges, now)
        case .peek(let charge): .remaining(remaining(charge, now))
        }
    }

    /// All or none.
    private mutating func charge(_ charges: [Charge], _ now: UInt64) -> Answer {
        var wait: UInt64 = 0
        var next: [(Key, UInt64)] = []
        for charge in charges {
            let limit = RateLimit(count: charge.count, period: charge.period, burst: charge.burst)
            let key = Key(family: charge.family, key: charge.key)
            let cost = limit.interval.multipliedReportingOverflow(by: charge.cost)
            let (end, overflow) = max(arrivals[key] ?? 0, now).addingReportingOverflow(
                cost.overflow ? .max : cost.partialValue)
            let arrival = overflow ? .max : end
            let latest = now.addingReportingOverflow(limit.tolerance)
            if !latest.overflow, arrival > latest.partialValue { wait = max(wait, arrival - latest.partialValue) }
            next.append((key, arrival))
        }
        guard wait == 0 else { return .exceeded(retryAfter: wait) }
        for (key, arrival) in next { arrivals[key] = arrival }
        return .charged
    }

    private func remaining(_ charge: Charge, _ now: UInt64) -> Int64 {
        let limit = RateLimit(count: charge.count, period: charge.period, burst: charge.burst)
        let arrival = max(arrivals[Key(family: charge.family, key: charge.key)] ?? 0, now)
        let used = arrival - now
        return used >= limit.tolerance ? 0 : Int64(clamping: (limit.tolerance - used) / limit.interval)
    }
}
