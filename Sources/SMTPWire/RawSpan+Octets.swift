// How the parsers of this module read peer bytes: every access is bounds-checked, nothing escapes except as a copy.

import Bytes

extension RawSpan {
    /// The octet at `offset`; the caller has checked that it exists (a wrong offset stops the process, it reads nothing foreign).
    @inline(__always)
    func octet(_ offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The octet at `offset`, or nil behind the end.
    @inline(__always)
    func peek(_ offset: Int) -> UInt8? {
        offset >= 0 && offset < byteCount ? octet(offset) : nil
    }

    /// A copy of the octets in `range`, cut to what exists.
    func copy(_ range: Range<Int>) -> [UInt8] {
        let within = range.clamped(to: 0..<byteCount)
        return unsafe extracting(within).withUnsafeBytes { unsafe Array($0) }
    }

    /// A copy of everything.
    func copy() -> [UInt8] {
        copy(0..<byteCount)
    }

    /// Whether the octets from `offset` on begin with `text`, letter case aside (`text` is ASCII in lower case).
    func hasPrefix(_ text: StaticString, at offset: Int) -> Bool {
        guard offset >= 0, offset + text.utf8CodeUnitCount <= byteCount else { return false }
        for index in 0..<text.utf8CodeUnitCount {
            guard unsafe ASCII.lowercased(octet(offset + index)) == text.utf8Start[index] else { return false }
        }
        return true
    }
}

extension [UInt8] {
    /// Equality with ASCII text in lower case, letter case aside.
    func equalsIgnoringCase(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return unsafe span.bytes.hasPrefix(text, at: 0)
    }
}
