internal import Bytes
internal import Policy

/// A constant of an expression.
enum Constant: Equatable, Sendable {
    case bool(Bool)
    case text(String)
    case integer(UInt64)
    case address(IPAddress)
    case prefix(AddressPrefix)
    /// Nanoseconds.
    case duration(UInt64)
    /// Octets.
    case size(UInt64)
    case tlsVersion(TLSVersion)
    case rate(count: UInt64, period: UInt64)

    /// Whether a word is a constant rather than a name: it begins with a digit, holds a colon, or is a TLS version.
    static func looksLikeOne(_ word: String) -> Bool {
        guard let first = word.utf8.first else { return false }
        return ASCII.isDigit(first) || word.utf8.contains(ASCII.colon) || first == ASCII.hyphen
            || first == UInt8(ascii: "/") || word.hasPrefix("TLS")
    }

    /// nil for a word that is none, with the reason in `hint(for:)`.
    init?(word: String) {
        if let number = Units.number(word) {
            self = .integer(number)
        } else if let version = Self.version(word) {
            self = .tlsVersion(version)
        } else if let address = IPAddress(word) {
            self = .address(address)
        } else if word.utf8.contains(ASCII.dot) || word.utf8.contains(ASCII.colon), let prefix = AddressPrefix(word) {
            self = .prefix(prefix)
        } else if let rate = Units.rate(word) {
            self = .rate(count: rate.count, period: rate.period)
        } else if let duration = Units.duration(word) {
            self = .duration(duration)
        } else if let size = Units.size(word) {
            self = .size(size)
        } else {
            return nil
        }
    }

    /// What might have been meant.
    static func hint(for word: String) -> String {
        if word.hasPrefix("TLS") { return "TLS versions: TLS1.0 TLS1.1 TLS1.2 TLS1.3" }
        if word.utf8.contains(ASCII.slash), !word.utf8.contains(ASCII.dot), !word.utf8.contains(ASCII.colon) {
            return "a rate has a unit: s, min, h or d"
        }
        if word.utf8.contains(ASCII.colon) || word.split(separator: ".").count == 4 {
            return "an address such as 192.0.2.1, or a CIDR block such as 2001:db8::/32"
        }
        if word.hasPrefix("-") { return "numbers are not negative" }
        return "units: ms s min h d for durations, B KB MB GB TB for sizes"
    }

    private static func version(_ word: String) -> TLSVersion? {
        switch word {
        case "TLS1.0", "TLS1": .tls10
        case "TLS1.1": .tls11
        case "TLS1.2": .tls12
        case "TLS1.3": .tls13
        default: nil
        }
    }
}

extension ASCII {
    fileprivate static var slash: UInt8 { UInt8(ascii: "/") }
}
