// Content whose line ends are repaired instead of refused: a bare CR or a bare LF counts as an end of line.
//
// Every line is dot-stuffed again as it goes out, so a "." that became a line by repair leaves as ".." and can't end the
// message. The end of data is still only the CRLF.CRLF that the client sent, and NUL is still refused: stripping it
// would manufacture one.

public import Bytes

public struct DataNormalizer: Sendable {
    public enum Event: Equatable, Sendable {
        case more
        case endOfData(consumed: Int)
        /// NUL: `discard` goes on with the block from `consumed` on.
        case violation(Violation, consumed: Int)
    }

    /// Octets of repaired content so far, without stuffing.
    public private(set) var contentOctets: UInt64 = 0
    /// What was repaired so far.
    public private(set) var bareCRs: UInt64 = 0
    public private(set) var bareLFs: UInt64 = 0

    private enum Place: Equatable {
        /// `exact`: the line before ended with CRLF as sent, so a lone dot ends the data.
        case lineStart(exact: Bool)
        case dot(exact: Bool)
        case dotCR(exact: Bool)
        case inLine, cr
    }

    private var place = Place.lineStart(exact: true)

    public init() {}

    /// Reads a block and appends clean, dot-stuffed lines to `output`: at most three octets for each one read, and four more.
    public mutating func normalize(_ block: RawSpan, into output: inout OutputBuffer) -> Event {
        var offset = 0
        while offset < block.byteCount {
            if place == .inLine {
                let end = OctetSearch.firstBreak(block, from: offset)
                if end > offset {
                    output.append(block.extracting(offset..<end))
                    contentOctets &+= UInt64(end - offset)
                    offset = end
                    continue
                }
            }
            let octet = block.octet(offset)
            if endBareCR(before: octet, into: &output) { continue }
            if octet == ASCII.nul {
                place = .inLine
                return .violation(.nul, consumed: offset + 1)
            }
            offset += 1
            if take(octet, into: &output) { return .endOfData(consumed: offset) }
        }
        return .more
    }

    /// A scanner that discards the rest of a message which is refused from here on, up to the same end of data.
    public var discarder: DataScanner {
        switch place {
        case .lineStart(exact: true): DataScanner(at: .lineStart)
        case .dot(exact: true): DataScanner(at: .dot)
        case .dotCR(exact: true): DataScanner(at: .dotCR)
        case .cr, .dotCR(exact: false): DataScanner(at: .cr)
        case .inLine, .lineStart(exact: false), .dot(exact: false): DataScanner(at: .inLine)
        }
    }
}

extension DataNormalizer {
    /// Ends the line at a CR that `octet` shows to be bare; `octet` is then to be read at the start of a line.
    private mutating func endBareCR(before octet: UInt8, into output: inout OutputBuffer) -> Bool {
        guard octet != ASCII.lf else { return false }
        switch place {
        case .cr: break
        case .dotCR: writeDot(into: &output)
        case .lineStart, .dot, .inLine: return false
        }
        bareCRs &+= 1
        endLine(exact: false, into: &output)
        return true
    }

    /// Reads any octet but NUL; true at the end of data.
    private mutating func take(_ octet: UInt8, into output: inout OutputBuffer) -> Bool {
        switch (place, octet) {
        case (.dotCR(exact: true), ASCII.lf):
            return true
        case (.dotCR(exact: false), ASCII.lf):
            writeDot(into: &output)
            endLine(exact: true, into: &output)
        case (.cr, ASCII.lf):
            endLine(exact: true, into: &output)
        case (.dot, ASCII.lf):
            writeDot(into: &output)
            endBareLF(into: &output)
        case (.lineStart, ASCII.lf), (.inLine, ASCII.lf):
            endBareLF(into: &output)
        case (.dot(let exact), ASCII.cr):
            place = .dotCR(exact: exact)
        case (.lineStart, ASCII.cr), (.inLine, ASCII.cr):
            place = .cr
        case (.lineStart(let exact), ASCII.dot):
            place = .dot(exact: exact)
        case (.dot, ASCII.dot):
            writeDot(into: &output)
            place = .inLine
        case (.dot, _), (.lineStart, _), (.inLine, _), (.cr, _), (.dotCR, _):
            write(octet, into: &output)
            place = .inLine
        }
        return false
    }

    private mutating func endBareLF(into output: inout OutputBuffer) {
        bareLFs &+= 1
        endLine(exact: false, into: &output)
    }

    private mutating func endLine(exact: Bool, into output: inout OutputBuffer) {
        output.append("\r\n")
        contentOctets &+= 2
        place = .lineStart(exact: exact)
    }

    /// A dot of the content at the beginning of a line.
    private mutating func writeDot(into output: inout OutputBuffer) {
        output.append("..")
        contentOctets &+= 1
    }

    private mutating func write(_ octet: UInt8, into output: inout OutputBuffer) {
        output.append(octet)
        contentOctets &+= 1
    }
}
