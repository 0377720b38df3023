/// What a server answered, in the words of its protocol (RESP2).
public enum StoreReply: Hashable, Sendable {
    case status([UInt8])
    /// The first word says which kind of error it is.
    case error([UInt8])
    case integer(Int64)
    case bulk([UInt8])
    case array([StoreReply])
    case null
}

extension StoreReply {
    var integer: Int64? {
        if case .integer(let number) = self { number } else { nil }
    }

    /// A bulk or a status.
    var octets: [UInt8]? {
        switch self {
        case .bulk(let octets), .status(let octets): octets
        case .error, .integer, .array, .null: nil
        }
    }

    var elements: [StoreReply]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// A number, whether it came as one or as its digits.
    var number: Int64? {
        integer ?? octets.flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
    }

    /// The text of an error, fit for a log line.
    var errorText: String? {
        guard case .error(let octets) = self else { return nil }
        return StoreText.printable(octets)
    }
}

enum StoreText {
    /// Longest text of a server that is repeated to an operator.
    private static let longest = 200

    /// What a server said, without what could end a line or colour a terminal.
    static func printable(_ octets: [UInt8]) -> String {
        let shown = octets.prefix(longest).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
        return String(decoding: shown, as: UTF8.self)
    }
}
