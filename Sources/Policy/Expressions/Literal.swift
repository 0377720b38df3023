public import Bytes

/// A value written in a policy.
public enum Literal: Hashable, Sendable {
    case bool(Bool)
    case int(Int64)
    case text([UInt8])
    case ip(IPAddress)
    case cidr(AddressPrefix)
    /// Nanoseconds.
    case duration(UInt64)
    /// Octets.
    case size(UInt64)
    case tlsVersion(TLSVersion)

    /// A text from its characters.
    public static func text(_ text: String) -> Literal { .text(Array(text.utf8)) }

    public var type: FieldType {
        switch self {
        case .bool: .bool
        case .int: .int
        case .text: .text(.plain)
        case .ip: .ip
        case .cidr: .cidr
        case .duration: .duration
        case .size: .size
        case .tlsVersion: .tlsVersion
        }
    }

    /// The value of the types that are ordered; nil for the others.
    var number: Int64? {
        switch self {
        case .int(let value): value
        case .duration(let value), .size(let value): Int64(clamping: value)
        case .tlsVersion(let version): Int64(version.rawValue)
        case .bool, .text, .ip, .cidr: nil
        }
    }
}
