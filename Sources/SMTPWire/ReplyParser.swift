// Reads a backend's replies. The backend is not trusted: strict form (RFC 5321 4.2), bounded size, or it is malformed.

public import Bytes

public struct ReplyParser: Sendable {
    /// Octets of one line without CRLF; twice RFC 5321 4.5.3.1.5.
    public static let maxLine = 1024
    public static let maxLines = 100
    /// Octets of all lines of one reply.
    public static let maxReply = 16 * 1024

    public enum Outcome: Equatable, Sendable {
        /// More octets are needed.
        case incomplete
        case reply(Reply)
        /// The connection can't be used any more.
        case malformed(Fault)
    }

    public enum Fault: UInt8, Error, CaseIterable, Sendable {
        /// A bare CR, a bare LF or a NUL.
        case lineEnd
        case lineTooLong
        case tooManyLines
        case replyTooLong
        /// Not three digits from 200 to 559 and a space, a hyphen or the end.
        case code
        /// Lines of one reply with different codes.
        case mixedCodes
    }

    private var code: UInt16 = 0
    /// The lines so far, with LF between them.
    private var text: [UInt8] = []
    private var lines = 0
    private var octets = 0

    public init() {}

    /// True when a reply has begun and its last line has not come.
    public var isInsideReply: Bool { lines > 0 }

    /// Takes the next reply from `input`, consuming the lines it read; lines of an unfinished reply are kept.
    public mutating func next(_ input: inout InputBuffer) -> Outcome {
        while !input.isEmpty {
            switch LineFramer.next(input.unread, limit: Self.maxLine) {
            case .incomplete:
                return .incomplete
            case .bareNewline:
                return .malformed(.lineEnd)
            case .tooLong:
                return .malformed(.lineTooLong)
            case .line(let length):
                let outcome = take(input.unread.extracting(0..<length))
                input.consume(length + 2)
                if case .incomplete = outcome { continue }
                return outcome
            }
        }
        return .incomplete
    }

    /// What is known with one more line.
    private mutating func take(_ line: RawSpan) -> Outcome {
        guard let lineCode = Self.code(line) else { return .malformed(.code) }
        if lines > 0, lineCode != code { return .malformed(.mixedCodes) }
        if lines == Self.maxLines { return .malformed(.tooManyLines) }
        octets += line.byteCount
        if octets > Self.maxReply { return .malformed(.replyTooLong) }
        code = lineCode
        let content = line.extracting(min(4, line.byteCount)..<line.byteCount)
        let isLast = line.peek(3) != ASCII.hyphen
        if isLast, lines == 0 {
            octets = 0
            return .reply(Reply(code: code, text: content.copy()))
        }
        add(content)
        if !isLast { return .incomplete }
        let reply = Reply(code: code, text: text)
        self = ReplyParser()
        return .reply(reply)
    }

    private mutating func add(_ line: RawSpan) {
        if lines > 0 { text.append(ASCII.lf) } else { text.reserveCapacity(256) }
        unsafe line.withUnsafeBytes { unsafe text.append(contentsOf: $0) }
        lines += 1
    }

    /// RFC 5321 4.2: the first digit 2 to 5, the second 0 to 5.
    private static func code(_ line: RawSpan) -> UInt16? {
        guard let first = line.peek(0), (0x32...0x35).contains(first), let second = line.peek(1),
            (0x30...0x35).contains(second), let third = line.peek(2), ASCII.isDigit(third)
        else { return nil }
        switch line.peek(3) {
        case nil, ASCII.space, ASCII.hyphen: break
        default: return nil
        }
        return UInt16(first - ASCII.zero) * 100 + UInt16(second - ASCII.zero) * 10 + UInt16(third - ASCII.zero)
    }
}
