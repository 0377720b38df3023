internal import Bytes
internal import PolicyLanguage

/// `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, and `rediss:` for TLS (the forms that redis-cli takes).
struct StoreURL {
    static let form = "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS"

    var isTLS: Bool
    var user: String?
    var password: [UInt8]?
    /// Without brackets.
    var host: String
    var port: UInt16 = 6379
    var database = 0

    /// Nil for what is no such URL.
    init?(_ text: String) {
        guard let scheme = ["redis://", "rediss://"].first(where: text.hasPrefix) else { return nil }
        isTLS = scheme == "rediss://"
        var rest = text.dropFirst(scheme.count)
        guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !rest.contains(where: { "?#".contains($0) }) else {
            return nil
        }
        host = ""
        if let at = rest.lastIndex(of: "@") {
            guard takeLogin(rest[..<at]) else { return nil }
            rest = rest[rest.index(after: at)...]
        }
        if let slash = rest.firstIndex(of: "/") {
            let number = rest[rest.index(after: slash)...]
            guard number.isEmpty || Units.number(number).flatMap({ Int(exactly: $0) }) != nil else { return nil }
            database = Int(number) ?? 0
            rest = rest[..<slash]
        }
        guard takeHost(rest) else { return nil }
    }

    private mutating func takeLogin(_ text: Substring) -> Bool {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = Self.decoded(parts[0]) else { return false }
        user = name.isEmpty ? nil : String(validating: name, as: UTF8.self)
        if !name.isEmpty, user == nil { return false }
        guard parts.count == 2 else { return user != nil }
        password = Self.decoded(parts[1])
        return password?.isEmpty == false
    }

    private mutating func takeHost(_ text: Substring) -> Bool {
        if text.hasSuffix("]") || !text.contains(":") {
            let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
            host = String(isBracketed ? text.dropFirst().dropLast() : text)
        } else {
            guard let (name, number) = HostPort.split(String(text)), number > 0 else { return false }
            (host, port) = (name, number)
        }
        return !host.isEmpty
    }

    /// RFC 3986 2.1; nil for a broken escape.
    private static func decoded(_ text: Substring) -> [UInt8]? {
        var octets: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "%") else {
                octets.append(octet)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            octets.append(value)
            rest = rest.dropFirst(2)
        }
        return octets
    }
}
