internal import Policy
internal import Throttle

/// The buckets of one test, on its own clock.
struct ManualLimits {
    private let table = LimitTable(capacity: 65_536, shards: 1)

    func answer(_ ask: Ask, now: UInt64) -> Answer {
        switch ask {
        case .charge(let charges):
            switch table.charge(charges.map(Self.bucket), now: now) {
            case .charged: return .charged
            case .exceeded(let retryAfter): return .exceeded(retryAfter: retryAfter)
            }
        case .peek(let charge):
            let bucket = Self.bucket(charge)
            return .remaining(Int64(clamping: table.remaining(bucket.name, rate: bucket.rate, now: now)))
        }
    }

    private static func bucket(_ charge: Charge) -> BucketCharge {
        BucketCharge(
            BucketName(family: charge.family, key: charge.key),
            rate: RateLimit(count: charge.count, period: charge.period, burst: charge.burst), cost: charge.cost)
    }
}
