import Bytes

/// Text that a peer chose, made safe to stand in a line of ours.
///
/// It can end no line, open no field, colour no terminal and turn no reading direction; and it is bounded.
/// What is escaped becomes `\xHH`, octet by octet, and a backslash becomes `\\`, so nothing is lost or ambiguous.
enum RemoteText {
    /// Octets of one remote string that a log line shows; the rest becomes `...`.
    static let limit = 256

    /// What the surroundings need beyond control characters.
    enum Place {
        /// A field's value: no separator of fields and no angle bracket stands in it.
        case field
        /// Running text (a reply): it may have spaces and brackets, but nothing that looks like a field of ours.
        case text
        /// Before the `[address]` of a client: letters, digits, `.`, `-`, `_`.
        case name
    }

    static func append(_ bytes: some Collection<UInt8>, as place: Place, to line: inout LogLine) {
        let isDone = bytes.withContiguousStorageIfAvailable { bytes in
            guard bytes.count <= limit, isPlain(bytes, in: place) else { return false }
            line.append(UnsafeRawBufferPointer(bytes))
            return true
        }
        if isDone != true { appendChecked(bytes, as: place, to: &line) }
    }

    /// Whether the octets can stand as they are, as nearly all do; false means only that a closer look is needed.
    private static func isPlain(_ bytes: UnsafeBufferPointer<UInt8>, in place: Place) -> Bool {
        let plain = PlainOctets.of(place)
        var previous: UInt8 = 0
        for byte in bytes {
            if !plain.contains(byte) {
                // The ends of "reject", "reject_warning", "hold" and "discard".
                guard place == .text, byte == ASCII.colon else { return false }
                if previous == UInt8(ascii: "t") || previous == UInt8(ascii: "g") || previous == UInt8(ascii: "d") {
                    return false
                }
            }
            previous = byte
        }
        return true
    }

    private static func appendChecked(_ bytes: some Collection<UInt8>, as place: Place, to line: inout LogLine) {
        let all = Array(bytes.prefix(limit + 1))
        var word = WordScan()
        var index = 0
        while index < all.count {
            let length = UTF8Scan.printableLength(all, at: index)
            if index + max(1, length) > limit { break }
            let next = index + 1 < all.count ? all[index + 1] : nil
            let forges = word.forges(all[index], next: next)
            if length == 0 || !allowed(all[index], in: place) || place == .text && forges {
                appendEscaped(all[index], to: &line)
            } else {
                all[index..<(index + length)].withUnsafeBytes { line.append($0) }
            }
            index += max(1, length)
        }
        if index < all.count { line.append("...") }
    }

    fileprivate static func allowed(_ byte: UInt8, in place: Place) -> Bool {
        switch place {
        case .text: byte != ASCII.backslash
        case .field: !isSeparator(byte)
        case .name: ASCII.isLetter(byte) || ASCII.isDigit(byte) || isNameMark(byte)
        }
    }

    private static func isNameMark(_ byte: UInt8) -> Bool {
        byte == ASCII.dot || byte == ASCII.hyphen || byte == UInt8(ascii: "_")
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        switch byte {
        case ASCII.space, ASCII.less, ASCII.greater, ASCII.comma, UInt8(ascii: ";"), ASCII.backslash: true
        default: false
        }
    }

    private static func appendEscaped(_ byte: UInt8, to line: inout LogLine) {
        line.append(byte: ASCII.backslash)
        if byte == ASCII.backslash {
            line.append(byte: byte)
        } else {
            line.append(byte: UInt8(ascii: "x"))
            line.append(byte: hex(byte >> 4))
            line.append(byte: hex(byte & 15))
        }
    }

    static func hex(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? ASCII.zero + nibble : UInt8(ascii: "A") + (nibble - 10)
    }
}

/// The ASCII octets that stand as themselves in a place whatever is around them, a bit for each.
private struct PlainOctets {
    private let low: UInt64
    private let high: UInt64

    private init(_ place: RemoteText.Place) {
        var (low, high): (UInt64, UInt64) = (0, 0)
        for octet in UInt8(0x20)..<ASCII.del where RemoteText.allowed(octet, in: place) {
            if place == .text, octet == ASCII.equals || octet == ASCII.colon { continue }
            if octet < 64 { low |= 1 << UInt64(octet) } else { high |= 1 << UInt64(octet & 63) }
        }
        (self.low, self.high) = (low, high)
    }

    private static let field = PlainOctets(.field)
    private static let text = PlainOctets(.text)
    private static let name = PlainOctets(.name)

    static func of(_ place: RemoteText.Place) -> PlainOctets {
        switch place {
        case .field: field
        case .text: text
        case .name: name
        }
    }

    func contains(_ octet: UInt8) -> Bool {
        octet < 128 && (octet < 64 ? low : high) >> UInt64(octet & 63) & 1 != 0
    }
}

/// Finds `word=`, `=<` and `reject:` in running text: what log tools take for a field or for the start of an event.
private struct WordScan {
    private static let events = ["reject", "reject_warning", "hold", "discard"].map { Array($0.utf8) }

    /// What came since the last space, while it is letters and `_` only; nil afterwards.
    private var word: [UInt8]? = []

    mutating func forges(_ byte: UInt8, next: UInt8?) -> Bool {
        switch byte {
        case ASCII.space:
            word = []
        case ASCII.equals:
            return next == ASCII.less || word?.isEmpty == false
        case ASCII.colon:
            return word.map(Self.events.contains) ?? false
        case _ where ASCII.isLetter(byte) || byte == UInt8(ascii: "_"):
            word?.append(byte)
        default:
            word = nil
        }
        return false
    }
}

/// Strict UTF-8 (RFC 3629), one character at a time.
enum UTF8Scan {
    /// The octets of the character at `index` if it is well-formed and shows as itself, else 0.
    ///
    /// Controls, line separators, invisible and direction characters, private and unassigned ones do not.
    static func printableLength(_ bytes: [UInt8], at index: Int) -> Int {
        let first = bytes[index]
        if first < 0x80 { return first >= 0x20 && first != ASCII.del ? 1 : 0 }
        guard let (scalar, length) = decode(bytes, at: index) else { return 0 }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: return 0
        default: return length
        }
    }

    private static func decode(_ bytes: [UInt8], at index: Int) -> (Unicode.Scalar, Int)? {
        let first = bytes[index]
        let (length, least): (Int, UInt32) =
            switch first {
            case 0xC2...0xDF: (2, 0x80)
            case 0xE0...0xEF: (3, 0x800)
            case 0xF0...0xF4: (4, 0x10000)
            default: (0, 0)
            }
        guard length > 0, bytes.count - index >= length else { return nil }
        var value = UInt32(first) & (0x7F >> UInt32(length))
        for byte in bytes[(index + 1)..<(index + length)] {
            guard byte & 0xC0 == 0x80 else { return nil }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        guard value >= least, let scalar = Unicode.Scalar(value) else { return nil }
        return (scalar, length)
    }
}
