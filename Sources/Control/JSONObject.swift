/// A JSON object (RFC 8259) that is written member by member, in the order of the calls, on one line.
struct JSONObject {
    private var members: [String] = []

    var text: String { "{\(members.joined(separator: ","))}" }

    /// Nothing for nil: an absent member is how "not known" looks.
    mutating func put(_ name: String, _ value: String?) {
        put(name, raw: value.map(Self.quoted))
    }

    mutating func put(_ name: String, _ value: Bool) {
        put(name, raw: value ? "true" : "false")
    }

    mutating func put(_ name: String, _ value: some BinaryInteger) {
        put(name, raw: String(value))
    }

    mutating func put(_ name: String, _ values: [String]) {
        put(name, rawArray: values.map(Self.quoted))
    }

    mutating func put(_ name: String, rawArray values: [String]) {
        put(name, raw: "[\(values.joined(separator: ","))]")
    }

    /// `value` is JSON already.
    mutating func put(_ name: String, raw value: String?) {
        guard let value else { return }
        members.append("\"\(name)\":\(value)")
    }

    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F: result += escape(scalar.value)
            case "\u{2028}", "\u{2029}": result += escape(scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static func escape(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - min(4, digits.count)) + digits
    }
}
