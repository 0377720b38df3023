// Framing: a line ends with CRLF and with nothing else (RFC 5321 2.3.8). Whatever else looks like an end is an event.

import Bytes

/// An octet that may not stand where it stood.
public enum Violation: UInt8, Sendable {
    /// CR without an LF behind it.
    case bareCR
    /// LF without a CR before it.
    case bareLF
    case nul
}

/// What stands at the front of a peer's bytes.
public enum LineFrame: Equatable, Sendable {
    /// No end of line yet, within the limit.
    case incomplete
    /// `length` octets of content, then CRLF: consume `length + 2`.
    case line(length: Int)
    /// The line holds a bare CR, a bare LF or a NUL. `consumed` goes up to and including the next LF, or over all
    /// that is there when no LF came yet; what follows then is the rest of the same line, so a caller that goes on
    /// instead of closing must first drop it with `LineDiscarder`.
    case bareNewline(Violation, consumed: Int)
    /// More than `limit` octets without CRLF; the first `scanned` can be dropped, the rest of the line with `LineDiscarder`.
    case tooLong(scanned: Int)
}

public enum LineFramer {
    /// Looks for the first line in `bytes`; `limit` counts octets of content, without CRLF.
    public static func next(_ bytes: RawSpan, limit: Int) -> LineFrame {
        let end = OctetSearch.firstBreak(bytes, from: 0)
        if end > limit { return .tooLong(scanned: end) }
        guard let first = bytes.peek(end) else { return .incomplete }
        switch (first, bytes.peek(end + 1)) {
        case (ASCII.cr, ASCII.lf): return .line(length: end)
        case (ASCII.cr, nil): return .incomplete
        case (ASCII.cr, _): return violation(.bareCR, in: bytes, at: end)
        case (ASCII.lf, _): return violation(.bareLF, in: bytes, at: end)
        default: return violation(.nul, in: bytes, at: end)
        }
    }

    private static func violation(_ kind: Violation, in bytes: RawSpan, at offset: Int) -> LineFrame {
        let end = OctetSearch.firstLF(bytes, from: offset).map { $0 + 1 }
        return .bareNewline(kind, consumed: end ?? bytes.byteCount)
    }
}

/// Drops the rest of a line that was too long, up to the true CRLF, over as many blocks as it takes.
public struct LineDiscarder: Sendable {
    private var afterCR = false

    public init() {}

    /// The octets of `block` that belong to the line, and whether its CRLF was among them.
    public mutating func discard(_ block: RawSpan) -> (consumed: Int, ended: Bool) {
        var offset = 0
        while let lf = OctetSearch.firstLF(block, from: offset) {
            if lf == 0 ? afterCR : block.octet(lf - 1) == ASCII.cr { return (lf + 1, true) }
            offset = lf + 1
        }
        if let last = block.peek(block.byteCount - 1) { afterCR = last == ASCII.cr }
        return (block.byteCount, false)
    }
}
