/// A text that people wrote, with its lines indexed.
///
/// Promises that every byte offset, even one outside the text, has a line and a column, so that a finding can always
/// be placed.
public struct SourceFile: Sendable, Equatable {
    /// What the operator calls it, usually the path as given on the command line.
    public let name: String
    public let text: String
    private let bytes: [UInt8]
    /// The offset in octets of the first octet of each line; never empty.
    private let lineStarts: [Int]

    public init(name: String, text: String) {
        self.name = name
        self.text = text
        let bytes = Array(text.utf8)
        self.bytes = bytes
        lineStarts = [0] + bytes.indices.filter { bytes[$0] == 0x0A }.map { $0 + 1 }
    }

    /// The number of lines; an empty text has one.
    public var lineCount: Int { lineStarts.count }

    /// The length of the text in octets.
    public var byteCount: Int { bytes.count }

    /// The line (from 1) without its end, or nil beyond the last one.
    public func line(_ number: Int) -> String? {
        guard number >= 1, number <= lineStarts.count else { return nil }
        let start = lineStarts[number - 1]
        var end = number < lineStarts.count ? lineStarts[number] - 1 : bytes.count
        if end > start, bytes[end - 1] == 0x0D { end -= 1 }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }

    /// The place of the octets `offset ..< offset + length`, cut to the text and to the line it begins in.
    public func range(at offset: Int, length: Int = 1) -> SourceRange {
        let start = min(max(offset, 0), bytes.count)
        let index = lineIndex(of: start)
        let lineStart = lineStarts[index]
        let lineEnd = index + 1 < lineStarts.count ? lineStarts[index + 1] - 1 : bytes.count
        let end = min(start + min(max(length, 0), bytes.count), max(lineEnd, start))
        let column = String(decoding: bytes[lineStart..<start], as: UTF8.self).count + 1
        let width = String(decoding: bytes[start..<end], as: UTF8.self).count
        return SourceRange(
            file: name, offset: start, length: end - start, line: index + 1, column: column, width: width)
    }

    /// The index of the line that holds an offset: a binary search for the last start that is not beyond it.
    private func lineIndex(of offset: Int) -> Int {
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }
}
