public import Policy

/// Numbers with units, as people write them: read and written.
///
/// 1 KB is 1024 octets.
public enum Units {
    public static let durations: [(name: String, nanoseconds: UInt64)] = [
        ("ms", 1_000_000), ("s", 1_000_000_000), ("min", 60_000_000_000), ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ]
    public static let sizes: [(name: String, octets: UInt64)] = [
        ("B", 1), ("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("TB", 1 << 40),
    ]

    /// Decimal digits only; nil if there are none, or the number does not fit.
    public static func number(_ text: some StringProtocol) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
        return UInt64(text)
    }

    /// `30s` in nanoseconds.
    public static func duration(_ text: String) -> UInt64? {
        scaled(text, durations.map { ($0.name, $0.nanoseconds) })
    }

    /// `50MB` in octets.
    public static func size(_ text: String) -> UInt64? {
        scaled(text, sizes.map { ($0.name, $0.octets) })
    }

    /// `60/min`; the unit is one of s, min, h, d, and neither number is 0.
    public static func rate(_ text: String) -> ProtocolLimits.Rate? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = number(parts[0]), count > 0,
            let unit = durations.first(where: { $0.name == parts[1] && $0.name != "ms" })
        else { return nil }
        return ProtocolLimits.Rate(count: count, period: unit.nanoseconds)
    }

    private static func scaled(_ text: String, _ units: [(String, UInt64)]) -> UInt64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = number(digits),
            let unit = units.first(where: { $0.0 == text.dropFirst(digits.count) })
        else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit.1)
        return overflow ? nil : product
    }
}

// MARK: Writing

extension Units {
    /// In the largest unit that divides it.
    public static func duration(_ nanoseconds: UInt64) -> String {
        if nanoseconds == 0 { return "0s" }
        return written(nanoseconds, durations.map { ($0.name, $0.nanoseconds) }) ?? "\(nanoseconds)ns"
    }

    /// In the largest unit that divides it.
    public static func size(_ octets: UInt64) -> String {
        if octets == 0 { return "0B" }
        return written(octets, sizes.map { ($0.name, $0.octets) }) ?? "\(octets)B"
    }

    public static func rate(_ rate: ProtocolLimits.Rate) -> String {
        let unit = durations.first { $0.nanoseconds == rate.period }?.name
        return "\(rate.count)/\(unit ?? duration(rate.period))"
    }

    private static func written(_ value: UInt64, _ units: [(String, UInt64)]) -> String? {
        units.last { value.isMultiple(of: $0.1) }.map { "\(value / $0.1)\($0.0)" }
    }
}
