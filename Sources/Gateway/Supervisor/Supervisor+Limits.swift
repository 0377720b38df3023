import Control
import Enforcement
import Policy
import Reactor
import Throttle

// `portreeve limits`: what is counted, how full it is, and making it empty.

extension Supervisor {
    /// Buckets that a list shows, the fullest.
    private static var mostListed: Int { 20 }
    /// Buckets of the shared store that are looked at.
    private static var mostStored: Int { 100_000 }

    /// The buckets that count: this machine's own, and those of the shared store for the limits that it keeps.
    struct Buckets {
        let own: LimitTable
        /// nil where there is no store, or it is lost.
        let stored: [StoredBucket]?
        /// Of limits that the store keeps.
        let shared: Set<UInt64>
        let now: UInt64

        func forEach(_ body: (BucketName, _ arrival: UInt64) -> Void) {
            own.forEach { name, arrival in if stored == nil || !shared.contains(name.family) { body(name, arrival) } }
            for bucket in stored ?? [] where shared.contains(bucket.name.family) {
                body(bucket.name, now.addingReportingOverflow(bucket.owed).partialValue)
            }
        }
    }

    func withBuckets(_ body: @escaping (Buckets) -> Void) {
        let shared = Set(summaries.filter { $0.definition.scope == .cluster }.map(\.family))
        let own = compiler.buckets
        guard let desk, !shared.isEmpty else {
            return body(Buckets(own: own, stored: nil, shared: [], now: Instant.current().nanoseconds))
        }
        desk.buckets(atMost: Self.mostStored) { stored in
            body(Buckets(own: own, stored: stored, shared: shared, now: Instant.current().nanoseconds))
        }
    }

    func listLimits(_ buckets: Buckets) -> ControlReply {
        ControlReply(ok: true, message: "limits", limits: report(buckets, atMost: Self.mostListed) { _ in true })
    }

    func limits(of key: String, _ buckets: Buckets) -> ControlReply {
        let matches = matcher(key)
        var report = report(buckets, atMost: Self.mostShown, where: matches)
        guard !report.buckets.isEmpty else {
            return ControlReply(ok: false, message: "nothing is counted for '\(key)'")
        }
        report.limits = []
        return ControlReply(ok: true, message: "limits of \(key)", limits: report)
    }

    /// A shared bucket is emptied for all machines, and here what is known of it.
    func resetLimits(of key: String, _ buckets: Buckets) -> ControlReply {
        let known = Set(summaries.map(\.family))
        var names: [BucketName] = []
        let matches = matcher(key)
        buckets.forEach { name, _ in if known.contains(name.family), matches(name.key) { names.append(name) } }
        if buckets.stored == nil, names.contains(where: { buckets.shared.contains($0.family) }) {
            return ControlReply(ok: false, message: "not reset: the shared store is lost; try again when it is back")
        }
        let count = names.count { name in
            let isStored = buckets.shared.contains(name.family) && desk?.reset(name) == true
            return compiler.buckets.reset(name) || isStored
        }
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

    private func report(_ all: Buckets, atMost count: Int, where matches: ([UInt8]) -> Bool) -> LimitsReport {
        let now = all.now
        let summaries = summaries
        let places = Dictionary(summaries.enumerated().map { ($1.family, $0) }) { first, _ in first }
        var limits = summaries.map(\.status)
        var buckets: [BucketStatus] = []
        all.forEach { name, arrival in
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
