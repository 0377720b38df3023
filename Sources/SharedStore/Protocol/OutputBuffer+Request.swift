import Bytes

// Requests are arrays of bulk strings, lengths ahead of them: no octet of a key or a name can end one.
extension OutputBuffer {
    /// Begins a request of `count` words.
    mutating func request(_ count: Int) {
        append("*")
        append(decimal: UInt64(count))
        append("\r\n")
    }

    mutating func word(_ octets: [UInt8]) {
        append("$")
        append(decimal: UInt64(octets.count))
        append("\r\n")
        append(octets)
        append("\r\n")
    }

    mutating func word(_ text: StaticString) {
        append("$")
        append(decimal: UInt64(text.utf8CodeUnitCount))
        append("\r\n")
        append(text)
        append("\r\n")
    }

    mutating func word(decimal number: UInt64) {
        append("$")
        append(decimal: UInt64(Self.digits(number)))
        append("\r\n")
        append(decimal: number)
        append("\r\n")
    }

    /// A whole request.
    mutating func request(_ words: [[UInt8]]) {
        request(words.count)
        for word in words { self.word(word) }
    }

    private static func digits(_ number: UInt64) -> Int {
        var (count, rest) = (1, number / 10)
        while rest > 0 { (count, rest) = (count + 1, rest / 10) }
        return count
    }
}
