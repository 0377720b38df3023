import Bytes
import Throttle

/// A bucket's name as a key of the store: `portreeve:{KEY}:FAMILY`.
///
/// KEY is the value of the limit's key, such as a user's name, with every octet that is not plain text as %XX (fields are
/// separated by %00); the braces make a Cluster keep everything about one value on one slot, so that a decision about
/// `200/h` and `500/d` of one user is one script. FAMILY is the limit, 16 hexadecimal digits.
enum BucketKey {
    static let prefix = Array("portreeve:{".utf8)
    /// What `SCAN` is asked for.
    static let pattern = Array("portreeve:{*}:*".utf8)
    private static let familyDigits = 16
    private static let hex = Array("0123456789abcdef".utf8)

    static func octets(_ name: BucketName) -> [UInt8] {
        var key = prefix
        key.reserveCapacity(prefix.count + name.key.count + 2 + familyDigits)
        for octet in name.key {
            if isPlain(octet) {
                key.append(octet)
            } else {
                key += [UInt8(ascii: "%"), hex[Int(octet >> 4)], hex[Int(octet & 15)]]
            }
        }
        key += [UInt8(ascii: "}"), UInt8(ascii: ":")]
        for shift in stride(from: 60, through: 0, by: -4) { key.append(hex[Int(name.family >> UInt64(shift) & 15)]) }
        return key
    }

    /// The bucket whose key this is; nil for a key of another kind.
    static func name(_ octets: [UInt8]) -> BucketName? {
        let tail = familyDigits + 2
        guard octets.starts(with: prefix), octets.count >= prefix.count + tail else { return nil }
        let end = octets.count - tail
        guard octets[end] == UInt8(ascii: "}"), octets[end + 1] == UInt8(ascii: ":") else { return nil }
        var family: UInt64 = 0
        for octet in octets[(end + 2)...] {
            guard let digit = value(octet) else { return nil }
            family = family << 4 | UInt64(digit)
        }
        guard let key = unescaped(octets[prefix.count..<end]) else { return nil }
        return BucketName(family: family, key: key)
    }

    private static func unescaped(_ octets: ArraySlice<UInt8>) -> [UInt8]? {
        var key: [UInt8] = []
        var rest = octets
        while let octet = rest.popFirst() {
            if octet == UInt8(ascii: "%") {
                guard let high = rest.popFirst().flatMap(value), let low = rest.popFirst().flatMap(value) else {
                    return nil
                }
                key.append(high << 4 | low)
            } else if isPlain(octet) {
                key.append(octet)
            } else {
                return nil
            }
        }
        return key
    }

    private static func isPlain(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "%"), UInt8(ascii: "{"), UInt8(ascii: "}"): false
        case 0x21...0x7E: true
        case _: false
        }
    }

    private static func value(_ octet: UInt8) -> UInt8? {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): octet - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): octet - UInt8(ascii: "a") + 10
        case _: nil
        }
    }
}
