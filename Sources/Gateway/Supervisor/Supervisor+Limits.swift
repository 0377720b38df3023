import Control
import Enforcement
import Policy
import Reactor
import Throttle

// `portreeve limits`: what is counted, how full it is, and making it empty.

extension Supervisor {
    /// Buckets that a list shows, the fullest.
    private static var mostListed: Int { 20 }

    func listLimits() -> ControlReply {
        ControlReply(ok: true, message: "limits", limits: report(atMost: Self.mostListed) { _ in true })
    }

    func limits(of key: String) -> ControlReply {
        let matches = matcher(key)
        var report = report(atMost: Self.mostShown, where: matches)
        guard !report.buckets.isEmpty else {
            return ControlReply(ok: false, message: "nothing is counted for '\(key)'")
        }
        report.limits = []
        return ControlReply(ok: true, message: "limits of \(key)", limits: report)
    }

    func resetLimits(of key: String) -> ControlReply {
        let known = Set(summaries.map(\.family))
        var names: [BucketName] = []
        let matches = matcher(key)
        compiler.buckets.forEach { name, _ in if known.contains(name.family), matches(name.key) { names.append(name) } }
        let count = names.count { compiler.buckets.reset($0) }
        guard count > 0 else { return ControlReply(ok: false, message: "nothing is counted for '\(key)'") }
        return audited("reset \(count) \(count == 1 ? "limit" : "limits") of \(key)")
    }

    /// Whether a bucket's key is `text`, or has it for one of its fields.
    private func matcher(_ text: String) -> ([UInt8]) -> Bool {
        let whole = Array(text.utf8)
        let spaced = whole.map { $0 == UInt8(ascii: " ") ? 0 : $0 }
        let values = Set([whole] + logins(text))
        return { key in
            key == spaced || values.contains(key)
                || key.split(separator: 0, omittingEmptySubsequences: false).contains { field in
                    values.contains(Array(field)) || Self.isNet(field, of: text)
                }
        }
    }

    /// A host is asked for by its address, while keys hold its net.
    private static func isNet(_ field: ArraySlice<UInt8>, of text: String) -> Bool {
        field.elementsEqual("\(text)/32".utf8)
    }

    private var summaries: [LimitSummary] {
        var seen: Set<UInt64> = []
        return settings[0].flatMap(\.context.book.limitSummaries).filter { seen.insert($0.family).inserted }
    }

    private func report(atMost count: Int, where matches: ([UInt8]) -> Bool) -> LimitsReport {
        let now = Instant.current().nanoseconds
        let summaries = summaries
        let places = Dictionary(summaries.enumerated().map { ($1.family, $0) }) { first, _ in first }
        var limits = summaries.map(\.status)
        var buckets: [BucketStatus] = []
        compiler.buckets.forEach { name, arrival in
            guard let place = places[name.family], arrival > now, matches(name.key) else { return }
            let bucket = summaries[place].bucket(name.key, arrival, now)
            limits[place].keys += 1
            if bucket.retryAfter > 0 { limits[place].exceeded += 1 }
            buckets.append(bucket)
            // The list is cut now and then, so that a million buckets need no room at once.
            if buckets.count >= 4 * max(count, 1000) { buckets = Self.fullest(buckets, count) }
        }
        return LimitsReport(limits: limits, buckets: Self.fullest(buckets, count))
    }

    private static func fullest(_ buckets: [BucketStatus], _ count: Int) -> [BucketStatus] {
        Array(buckets.sorted { ($0.remaining, $1.emptyAfter) < ($1.remaining, $0.emptyAfter) }.prefix(count))
    }
}

extension LimitSummary {
    fileprivate var rate: RateLimit {
        RateLimit(count: definition.count, period: definition.period, burst: definition.burst)
    }

    fileprivate var status: LimitStatus {
        LimitStatus(
            name: name, rate: definition.rateText, burst: definition.burst,
            key: definition.key.map(\.path).joined(separator: " "))
    }

    fileprivate func bucket(_ key: [UInt8], _ arrival: UInt64, _ now: UInt64) -> BucketStatus {
        let second: UInt64 = 1_000_000_000
        let wait = rate.wait(arrival, now: now)
        return BucketStatus(
            limit: name,
            key: String(decoding: key.map { $0 == 0 ? UInt8(ascii: " ") : $0 }, as: UTF8.self),
            remaining: rate.remaining(arrival, now: now), retryAfter: wait / second + (wait % second == 0 ? 0 : 1),
            emptyAfter: (arrival - now) / second + 1)
    }
}
