// xtext (RFC 3461 4): printable ASCII, where `+` and two upper-case hexadecimal digits stand for any octet.

public import Bytes

public enum XText {
    /// Whether `text` is well-formed; the empty text is.
    public static func isValid(_ text: [UInt8]) -> Bool {
        decode(text) != nil
    }

    /// The octets that `text` stands for, or nil if it is malformed.
    public static func decode(_ text: [UInt8]) -> [UInt8]? {
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count)
        var rest = text[...]
        while let octet = rest.popFirst() {
            if octet == ASCII.plus {
                guard let high = rest.popFirst().flatMap(nibble), let low = rest.popFirst().flatMap(nibble) else {
                    return nil
                }
                octets.append(high << 4 | low)
            } else {
                guard isPlain(octet) else { return nil }
                octets.append(octet)
            }
        }
        return octets
    }

    /// Appends `bytes` as xtext.
    public static func encode(_ bytes: [UInt8], into output: inout OutputBuffer) {
        output.append(encode(bytes))
    }

    /// `bytes` as xtext.
    public static func encode(_ bytes: [UInt8]) -> [UInt8] {
        if bytes.allSatisfy(isPlain) { return bytes }
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        for octet in bytes {
            if isPlain(octet) {
                text.append(octet)
            } else {
                text += [ASCII.plus, digit(octet >> 4), digit(octet & 15)]
            }
        }
        return text
    }

    private static func isPlain(_ octet: UInt8) -> Bool {
        (0x21...0x7E).contains(octet) && octet != ASCII.plus && octet != ASCII.equals
    }

    private static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? ASCII.zero + nibble : 0x37 + nibble
    }

    /// RFC 3461 4: the digits A to F are in upper case.
    private static func nibble(_ digit: UInt8) -> UInt8? {
        if ASCII.isDigit(digit) { return digit - ASCII.zero }
        return (0x41...0x46).contains(digit) ? digit - 0x37 : nil
    }
}
