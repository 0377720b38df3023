import Bytes

/// The one form in which names are compared, in rules, lists and keys alike.
public enum CanonicalName {
    /// A domain in lower case without its final dot, its labels as A-labels; an address literal in lower case.
    ///
    /// What holds other letters than ASCII's and is no domain name stays as it is, but for ASCII's case.
    public static func domain(_ bytes: [UInt8]) -> [UInt8] {
        var name = bytes.map(ASCII.lowercased)
        if name.contains(where: { $0 >= 0x80 }) { name = InternationalDomain.ascii(name) ?? name }
        if name.last == ASCII.dot { name.removeLast() }
        return name
    }

    /// ASCII letters in lower case.
    public static func lowercased(_ bytes: [UInt8]) -> [UInt8] {
        bytes.map(ASCII.lowercased)
    }

    /// `local@domain` with both parts in canonical form; without `@` a login, a bare local part or a domain.
    public static func address(_ bytes: [UInt8]) -> [UInt8] {
        guard let at = bytes.lastIndex(of: ASCII.at) else {
            let bare = local(bytes)
            return bare.last == ASCII.dot ? Array(bare.dropLast()) : bare
        }
        return local(Array(bytes[..<at])) + [ASCII.at] + domain(Array(bytes[(at + 1)...]))
    }

    /// The canonical form of a parsed address, whose local part has `localCount` octets; most have it already.
    public static func address(parsed bytes: [UInt8], localCount: Int) -> [UInt8] {
        if bytes.first == ASCII.quote || bytes.last == ASCII.dot || localCount == bytes.count {
            let local = local(Array(bytes.prefix(localCount)))
            return localCount == bytes.count ? local : local + [ASCII.at] + domain(Array(bytes[(localCount + 1)...]))
        }
        return bytes.contains(where: ASCII.isUppercase) ? bytes.map(ASCII.lowercased) : bytes
    }

    /// A local part in lower case, without quotes that it does not need (RFC 5321 4.1.2).
    public static func local(_ bytes: [UInt8]) -> [UInt8] {
        let lower = bytes.map(ASCII.lowercased)
        guard lower.count >= 2, lower.first == ASCII.quote, lower.last == ASCII.quote else { return lower }
        let content = unescaped(lower[1..<(lower.count - 1)])
        return isDotString(content) ? content : lower
    }

    /// A login in lower case, completed with `realm` where it names no domain.
    public static func login(_ bytes: [UInt8], realm: [UInt8]?) -> [UInt8] {
        let lower = bytes.map(ASCII.lowercased)
        guard let realm, !realm.isEmpty, !lower.contains(ASCII.at) else { return lower }
        return lower + [ASCII.at] + realm
    }

    /// Whether `local` (as written by the client) is a form that some servers route onwards.
    public static func isRouting(local: ArraySlice<UInt8>) -> Bool {
        local.contains { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "!") || $0 == ASCII.at }
    }

    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var escaped = false
        for byte in bytes {
            if byte == ASCII.backslash, !escaped {
                escaped = true
            } else {
                result.append(byte)
                escaped = false
            }
        }
        return result
    }

    /// RFC 5321 4.1.2 Dot-string.
    private static func isDotString(_ bytes: [UInt8]) -> Bool {
        let atoms = bytes.split(separator: ASCII.dot, omittingEmptySubsequences: false)
        return atoms.allSatisfy { !$0.isEmpty && $0.allSatisfy(isAtomText) }
    }

    private static func isAtomText(_ byte: UInt8) -> Bool {
        if ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte >= 0x80 { return true }
        switch byte {
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "/"),
            UInt8(ascii: "="), UInt8(ascii: "?"), UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"),
            UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"), UInt8(ascii: "~"):
            return true
        case _:
            return false
        }
    }
}
