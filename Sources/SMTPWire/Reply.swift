// Replies (RFC 5321 4.2) as values.

public import Bytes

/// RFC 3463: class.subject.detail.
public struct EnhancedCode: Equatable, Hashable, Sendable, CustomStringConvertible {
    public let `class`: UInt16
    public let subject: UInt16
    public let detail: UInt16

    public init(_ class: UInt16, _ subject: UInt16, _ detail: UInt16) {
        self.class = `class`
        self.subject = subject
        self.detail = detail
    }

    public var description: String { "\(self.class).\(subject).\(detail)" }
}

extension EnhancedCode {
    /// The code at the beginning of a reply's text, up to a space or the end; class 2, 4 or 5, at most three digits each.
    init?(prefixOf text: [UInt8]) {
        let word = text.prefix(12).prefix { $0 != ASCII.space }
        let parts = word.split(separator: ASCII.dot, omittingEmptySubsequences: false)
        guard parts.count == 3, let first = Self.number(parts[0]), [2, 4, 5].contains(first),
            let subject = Self.number(parts[1]), let detail = Self.number(parts[2])
        else { return nil }
        self.init(first, subject, detail)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt16? {
        guard (1...3).contains(digits.count), digits.allSatisfy(ASCII.isDigit) else { return nil }
        return digits.reduce(0) { $0 * 10 + UInt16($1 - ASCII.zero) }
    }
}

public struct Reply: Equatable, Sendable {
    /// 200 to 599.
    public var code: UInt16
    /// The lines with LF between them, so that a reply is one allocation.
    let text: [UInt8]

    init(code: UInt16, text: [UInt8]) {
        self.code = code
        self.text = text
    }

    /// Lines without any are one empty line; an LF inside a line would be two, and becomes `?`.
    public init(code: UInt16, lines: [[UInt8]]) {
        let clean = lines.map { line in line.contains(ASCII.lf) ? line.map { $0 == ASCII.lf ? 0x3F : $0 } : line }
        self.init(code: code, text: clean.count == 1 ? clean[0] : Array(clean.joined(separator: [ASCII.lf])))
    }

    /// One line of text, or several separated by `\n`.
    public init(_ code: UInt16, _ text: String) {
        self.init(code: code, text: Array(text.utf8))
    }

    public static func == (a: Reply, b: Reply) -> Bool {
        a.code == b.code && OctetSearch.areEqual(a.text, b.text)
    }

    /// At least one; the text behind `250-` or `250 `, with its enhanced code, as the server sent it.
    public var lines: [[UInt8]] {
        text.split(separator: ASCII.lf, omittingEmptySubsequences: false).map(Array.init)
    }

    public var firstLine: [UInt8] {
        guard let end = text.firstIndex(of: ASCII.lf) else { return text }
        return Array(text[..<end])
    }

    public var isPositive: Bool { code / 100 == 2 }
    public var isIntermediate: Bool { code / 100 == 3 }
    public var isTransientNegative: Bool { code / 100 == 4 }
    public var isPermanentNegative: Bool { code / 100 == 5 }

    /// The enhanced code of the first line; nil if there is none or its class contradicts the code (RFC 2034 3).
    public var enhanced: EnhancedCode? {
        guard let code = EnhancedCode(prefixOf: firstLine), code.class == self.code / 100 else { return nil }
        return code
    }
}

public enum ReplyEncoder {
    /// RFC 5321 4.5.3.1.5, with code and CRLF.
    public static let maxLine = 512

    /// Appends `reply` in its wire form.
    ///
    /// Text may come from a backend: an octet outside printable ASCII becomes `?`, a line that is too long is cut.
    public static func write(_ reply: Reply, to output: inout OutputBuffer) {
        let text = unsafe reply.text.span.bytes
        var start = 0
        while start <= text.byteCount {
            let bound = OctetSearch.firstUnprintable(text, from: start)
            let isFit = bound == text.byteCount || text.octet(bound) == ASCII.lf
            let end = isFit ? bound : OctetSearch.firstLF(text, from: bound) ?? text.byteCount
            begin(reply.code, isLast: end == text.byteCount, &output)
            // Most lines are fit to be sent as they are.
            if isFit, end - start <= maxLine - 6 {
                output.append(text.extracting(start..<end))
            } else {
                output.append(printable(reply.text[start..<end]))
            }
            output.append("\r\n")
            start = end + 1
        }
    }

    private static func begin(_ code: UInt16, isLast: Bool, _ output: inout OutputBuffer) {
        let code = min(max(code, 200), 599)
        let start: InlineArray<4, UInt8> = [
            ASCII.zero + UInt8(truncatingIfNeeded: code / 100), ASCII.zero + UInt8(truncatingIfNeeded: code / 10 % 10),
            ASCII.zero + UInt8(truncatingIfNeeded: code % 10), isLast ? ASCII.space : ASCII.hyphen,
        ]
        unsafe output.append(start.span.bytes)
    }

    private static func isPrintable(_ octet: UInt8) -> Bool { (0x20...0x7E).contains(octet) }

    private static func printable(_ text: ArraySlice<UInt8>) -> [UInt8] {
        text.prefix(maxLine - 6).map { isPrintable($0) ? $0 : 0x3F }
    }
}
