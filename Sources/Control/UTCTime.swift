/// A moment in whole seconds, which reads and writes itself as RFC 3339 in UTC.
public struct UTCTime: Hashable, Sendable, Comparable {
    /// Since 1970-01-01T00:00:00Z, without leap seconds.
    public var seconds: Int64

    public init(seconds: Int64) {
        self.seconds = seconds
    }

    public static func < (a: UTCTime, b: UTCTime) -> Bool { a.seconds < b.seconds }

    private static let day: Int64 = 86_400

    /// Year, month, day of the Gregorian calendar; months are counted from March, so the leap day ends a year.
    private var date: (year: Int64, month: Int64, day: Int64) {
        let days = (seconds - secondOfDay) / Self.day + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let monthOfYear = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (monthOfYear <= 2 ? 1 : 0)
        return (year, monthOfYear, dayOfYear - (153 * month + 2) / 5 + 1)
    }

    private var secondOfDay: Int64 {
        let rest = seconds % Self.day
        return rest < 0 ? rest + Self.day : rest
    }

    private var dateText: String {
        let date = date
        return "\(Self.padded(date.year, 4))-\(Self.padded(date.month, 2))-\(Self.padded(date.day, 2))"
    }

    private var clockText: String {
        [secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60].map { Self.padded($0, 2) }.joined(separator: ":")
    }

    /// `2026-11-21 19:38:25 UTC`.
    public var readable: String { "\(dateText) \(clockText) UTC" }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

extension UTCTime: CustomStringConvertible {
    /// `2026-11-21T19:38:25Z`.
    public var description: String { "\(dateText)T\(clockText)Z" }

    /// Parses exactly what `description` writes; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(omittingEmptySubsequences: false) { "-T:Z".contains($0) }
        let numbers = parts.prefix(6).compactMap { Int64($0) }
        guard text.utf8.count == 20, numbers.count == 6, numbers.allSatisfy({ $0 >= 0 }) else { return nil }
        let (year, month) = (numbers[1] <= 2 ? numbers[0] - 1 : numbers[0], (numbers[1] + 9) % 12)
        let dayOfYear = (153 * month + 2) / 5 + numbers[2] - 1
        let days = 365 * year + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
        self.init(seconds: days * Self.day + numbers[3] * 3600 + numbers[4] * 60 + numbers[5])
        guard description == text else { return nil }
    }
}

extension UTCTime: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let time = UTCTime(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an RFC 3339 time in UTC")
        }
        self = time
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
