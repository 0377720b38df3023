import Bytes

/// One JSON object on one line (RFC 8259), its members in the order they were put.
///
/// Names are ours; a value that a peer chose is bounded like everywhere in the log, and what is not UTF-8 becomes U+FFFD.
struct JSONLine {
    private(set) var bytes: [UInt8] = Array("{".utf8)

    /// The line, closed.
    consuming func closed() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    init() {
        bytes.reserveCapacity(1024)
    }

    mutating func put(_ name: String, _ value: String?) {
        guard let value else { return }
        put(name, value.utf8)
    }

    mutating func put(_ name: String, _ value: (some Collection<UInt8>)?) {
        guard let value else { return }
        open(name)
        bytes.append(ASCII.quote)
        let isDone = value.withContiguousStorageIfAvailable { text in
            guard text.count <= RemoteText.limit, Self.isPlain(text) else { return false }
            bytes.append(contentsOf: text)
            return true
        }
        if isDone != true { append(text: Array(value.prefix(RemoteText.limit + 1))) }
        bytes.append(ASCII.quote)
    }

    /// Whether the octets can stand as they are, as nearly all do.
    private static func isPlain(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        text.allSatisfy { $0 >= 0x20 && $0 < ASCII.del && $0 != ASCII.quote && $0 != ASCII.backslash }
    }

    mutating func put(_ name: String, _ value: some BinaryInteger) {
        open(name)
        bytes += String(value).utf8
    }

    mutating func put(_ name: String, _ value: Bool) {
        open(name)
        bytes += (value ? "true" : "false").utf8
    }

    private mutating func open(_ name: String) {
        if bytes.count > 1 { bytes.append(ASCII.comma) }
        bytes.append(ASCII.quote)
        bytes.append(contentsOf: name.utf8)
        bytes.append(ASCII.quote)
        bytes.append(ASCII.colon)
    }

    private mutating func append(text: [UInt8]) {
        var index = 0
        while index < text.count {
            let length = UTF8Scan.printableLength(text, at: index)
            if index + max(1, length) > RemoteText.limit { break }
            if length > 0 {
                append(printable: text[index..<(index + length)])
            } else {
                append(unprintable: text[index])
            }
            index += max(1, length)
        }
        if index < text.count { bytes += "...".utf8 }
    }

    private mutating func append(printable character: ArraySlice<UInt8>) {
        if character.first == ASCII.quote || character.first == ASCII.backslash { bytes.append(ASCII.backslash) }
        bytes += character
    }

    /// Controls by their number; an octet of anything else that must not show, as U+FFFD.
    private mutating func append(unprintable byte: UInt8) {
        if byte < 0x80 {
            bytes += "\\u00".utf8
            bytes += [RemoteText.hex(byte >> 4), RemoteText.hex(byte & 15)]
        } else {
            bytes += "\u{FFFD}".utf8
        }
    }
}
