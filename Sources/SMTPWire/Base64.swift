// Base64 as SASL uses it (RFC 4648 4, RFC 4954 4): padding required, spare bits zero, no white space.

public enum Base64 {
    private static let padding: UInt8 = 0x3D

    /// The octets that `text` stands for, or nil unless it is the one canonical form.
    public static func decode(_ text: [UInt8]) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        let padded = text.suffix(2).reversed().prefix { $0 == padding }.count
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count / 4 * 3)
        var group: UInt32 = 0
        for (index, digit) in text.dropLast(padded).enumerated() {
            guard let bits = value(digit) else { return nil }
            group = group << 6 | UInt32(bits)
            if index % 4 == 3 {
                append(group, count: 3, to: &octets)
                group = 0
            }
        }
        return finish(group, padded: padded, octets)
    }

    /// As above, for bytes that still wait in a buffer.
    public static func decode(_ text: RawSpan) -> [UInt8]? {
        decode(text.copy())
    }

    public static func encode(_ octets: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((octets.count + 2) / 3 * 4)
        var offset = 0
        while offset < octets.count {
            let chunk = octets[offset..<min(offset + 3, octets.count)]
            let group = chunk.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - chunk.count))
            for place in 0..<4 {
                let bits = UInt8(truncatingIfNeeded: group >> UInt32(18 - 6 * place) & 63)
                text.append(place <= chunk.count ? digit(bits) : padding)
            }
            offset += 3
        }
        return text
    }

    private static func finish(_ group: UInt32, padded: Int, _ octets: [UInt8]) -> [UInt8]? {
        var octets = octets
        switch padded {
        case 1:
            guard group & 3 == 0 else { return nil }
            append(group << 6, count: 2, to: &octets)
        case 2:
            guard group & 15 == 0 else { return nil }
            append(group << 12, count: 1, to: &octets)
        default:
            break
        }
        return octets
    }

    private static func append(_ group: UInt32, count: Int, to octets: inout [UInt8]) {
        for place in 0..<count { octets.append(UInt8(truncatingIfNeeded: group >> UInt32(16 - 8 * place))) }
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x41...0x5A: digit - 0x41
        case 0x61...0x7A: digit - 0x61 + 26
        case 0x30...0x39: digit - 0x30 + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: 0x41 + value
        case 26..<52: 0x61 + value - 26
        case 52..<62: 0x30 + value - 52
        case 62: 0x2B
        default: 0x2F
        }
    }
}
