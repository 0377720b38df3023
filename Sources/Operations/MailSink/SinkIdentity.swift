import Bytes
import SMTPWire

/// Who a sink takes its client for, as XCLIENT said (Postfix's XCLIENT_README).
struct SinkIdentity {
    var address: IPAddress?
    var port: UInt16?
    var helo: String?
    var login: String?

    /// nil unless `line` is a well-formed XCLIENT command without CRLF.
    init?(xclient line: [UInt8]) {
        let words = line.split(separator: ASCII.space).map(Array.init)
        guard let verb = words.first, verb.map(ASCII.uppercased) == Array("XCLIENT".utf8), words.count > 1 else {
            return nil
        }
        for word in words.dropFirst() {
            guard let equals = word.firstIndex(of: ASCII.equals), let value = XText.decode(Array(word[(equals + 1)...]))
            else { return nil }
            let name = String(decoding: word[..<equals].map(ASCII.uppercased), as: UTF8.self)
            guard take(name, String(decoding: value, as: UTF8.self)) else { return nil }
        }
    }

    static func isXClient(_ line: [UInt8]) -> Bool {
        line.prefix { $0 != ASCII.space }.map(ASCII.uppercased) == Array("XCLIENT".utf8)
    }

    /// False for an attribute that is not offered, or an address or a port that is none.
    private mutating func take(_ name: String, _ value: String) -> Bool {
        let known = value == "[UNAVAILABLE]" || value == "[TEMPUNAVAIL]" ? nil : value
        switch name {
        case "ADDR":
            address = known.flatMap { IPAddress($0.hasPrefix("IPV6:") ? String($0.dropFirst(5)) : $0) }
            return known == nil || address != nil
        case "PORT":
            port = known.flatMap { UInt16($0) }
            return known == nil || port != nil
        case "HELO": helo = known
        case "LOGIN": login = known
        case "NAME", "REVERSE_NAME", "PROTO", "DESTADDR", "DESTPORT": break
        default: return false
        }
        return true
    }
}
