/// What `portreeve limits` shows: the limits in use, and some of their buckets.
public struct LimitsReport: Hashable, Sendable, Codable {
    public var limits: [LimitStatus]
    /// The fullest first.
    public var buckets: [BucketStatus]

    public init(limits: [LimitStatus] = [], buckets: [BucketStatus] = []) {
        self.limits = limits
        self.buckets = buckets
    }

    /// One object on one line.
    public var json: String {
        var json = JSONObject()
        json.put("limits", rawArray: limits.map(\.json))
        json.put("buckets", rawArray: buckets.map(\.json))
        return json.text
    }

    /// Tables; a table without rows is left out.
    public var text: String {
        let tables = [limitTable.text, bucketTable.text].filter { !$0.isEmpty }
        return tables.isEmpty ? "no policy in use has a limit\n" : tables.joined(separator: "\n")
    }

    private var limitTable: TextTable {
        var table = TextTable([
            .left("LIMIT"), .left("RATE"), .right("BURST"), .left("KEY"), .right("KEYS"), .right("EXCEEDED"),
        ])
        for limit in limits {
            table.add([limit.name, limit.rate, "\(limit.burst)", limit.key, "\(limit.keys)", "\(limit.exceeded)"])
        }
        return table
    }

    private var bucketTable: TextTable {
        var table = TextTable([.left("LIMIT"), .left("KEY"), .right("REMAINING"), .left("NEXT IN"), .left("EMPTY IN")])
        for bucket in buckets {
            table.add([
                bucket.limit, bucket.key, "\(bucket.remaining)",
                bucket.retryAfter == 0 ? "now" : StatusReport.span(Int64(clamping: bucket.retryAfter)),
                StatusReport.span(Int64(clamping: bucket.emptyAfter)),
            ])
        }
        return table
    }
}

public struct LimitStatus: Hashable, Sendable, Codable {
    /// `policy/limit`; a monitored rule's own counts are `policy/limit/rule/monitor`.
    public var name: String
    /// As policies write it, such as `200/h`.
    public var rate: String
    public var burst: UInt64
    /// The fields of its key.
    public var key: String
    /// Keys that are counted now.
    public var keys: UInt64
    /// Of them, those that nothing more passes for now.
    public var exceeded: UInt64

    public init(name: String, rate: String, burst: UInt64, key: String, keys: UInt64 = 0, exceeded: UInt64 = 0) {
        self.name = name
        self.rate = rate
        self.burst = burst
        self.key = key
        self.keys = keys
        self.exceeded = exceeded
    }

    fileprivate var json: String {
        var json = JSONObject()
        json.put("name", name)
        json.put("rate", rate)
        json.put("burst", burst)
        json.put("key", key)
        json.put("keys", keys)
        json.put("exceeded", exceeded)
        return json.text
    }
}

public struct BucketStatus: Hashable, Sendable, Codable {
    public var limit: String
    /// The value of the key; several fields are separated by a space.
    public var key: String
    /// Events that would pass now.
    public var remaining: UInt64
    /// Seconds until the next event would pass.
    public var retryAfter: UInt64
    /// Seconds until the whole burst would pass.
    public var emptyAfter: UInt64

    public init(limit: String, key: String, remaining: UInt64, retryAfter: UInt64, emptyAfter: UInt64) {
        self.limit = limit
        self.key = key
        self.remaining = remaining
        self.retryAfter = retryAfter
        self.emptyAfter = emptyAfter
    }

    enum CodingKeys: String, CodingKey {
        case limit, key, remaining
        case retryAfter = "retry_after_seconds"
        case emptyAfter = "empty_after_seconds"
    }

    fileprivate var json: String {
        var json = JSONObject()
        json.put("limit", limit)
        json.put("key", key)
        json.put("remaining", remaining)
        json.put("retry_after_seconds", retryAfter)
        json.put("empty_after_seconds", emptyAfter)
        return json.text
    }
}
