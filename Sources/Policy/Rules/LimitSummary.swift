/// A limit of a book, as operators are shown it.
public struct LimitSummary: Hashable, Sendable {
    /// `policy/limit`; the buckets of a monitored rule are `policy/limit/rule/monitor`.
    public let name: String
    /// Which buckets are its.
    public let family: UInt64
    public let definition: LimitDefinition
}

extension LimitDefinition {
    /// As policies write it, such as `200/h`.
    public var rateText: String {
        let units: [(String, UInt64)] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)]
        let unit = units.first { $0.1 * 1_000_000_000 == period }?.0
        return "\(count)/\(unit ?? "\(period) ns")"
    }
}

extension RuleBook {
    /// Every limit that a rule counts in or reads.
    public var limitSummaries: [LimitSummary] {
        limits.map { LimitSummary(name: $0.identity, family: $0.family, definition: $0.definition) }
    }
}
