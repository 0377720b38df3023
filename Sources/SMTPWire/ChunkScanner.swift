// Content of BDAT chunks (RFC 3030): no dots, no end marker, but the same rule for CR, LF and NUL across chunk borders.

public import Bytes

public struct ChunkScanner: Sendable {
    public struct Step: Equatable, Sendable {
        /// Octets from the front of the block that may be passed on; all of them without a violation.
        ///
        /// A CR that ends them may still turn out to be bare: the message must then not be completed.
        public var forward: Int
        /// What stands at offset `forward` (a bare CR just before it).
        ///
        /// The chunk's length says where to go on.
        public var violation: Violation?
    }

    /// Octets of content so far.
    public private(set) var contentOctets: UInt64 = 0

    /// BODY=BINARYMIME: nothing is checked.
    private let binary: Bool
    private var afterCR = false

    public init(binary: Bool = false) {
        self.binary = binary
    }

    public mutating func scan(_ block: RawSpan) -> Step {
        let (clean, violation) = binary ? (block.byteCount, nil) : check(block)
        contentOctets &+= UInt64(clean)
        return Step(forward: clean, violation: violation)
    }

    /// The violation that only the end of the message shows: a CR was its last octet.
    public func finish() -> Violation? {
        afterCR ? .bareCR : nil
    }

    private mutating func check(_ block: RawSpan) -> (Int, Violation?) {
        var offset = 0
        while offset < block.byteCount {
            offset = skipClean(block, from: offset)
            let end = min(offset + OctetSearch.width, block.byteCount)
            while offset < end {
                let octet = block.octet(offset)
                if let violation = violation(octet) { return (offset, violation) }
                afterCR = octet == ASCII.cr
                offset += 1
            }
        }
        return (offset, nil)
    }

    private func violation(_ octet: UInt8) -> Violation? {
        if afterCR { return octet == ASCII.lf ? nil : .bareCR }
        switch octet {
        case ASCII.lf: return .bareLF
        case ASCII.nul: return .nul
        default: return nil
        }
    }

    private mutating func skipClean(_ block: RawSpan, from offset: Int) -> Int {
        let end = OctetSearch.cleanRun(block, from: offset, dots: false)
        if end > offset { afterCR = block.octet(end - 1) == ASCII.cr }
        return end
    }
}

/// Turns clean content (`ChunkScanner`) into what follows DATA (RFC 5321 4.5.2), across chunk borders.
public struct DotStuffer: Sendable {
    private enum Place: UInt8 {
        case lineStart, afterBareLF, inLine, cr
    }

    private var place = Place.lineStart

    public init() {}

    /// Appends `block` to `output`, each dot that begins a line doubled.
    public mutating func stuff(_ block: RawSpan, into output: inout OutputBuffer) {
        var written = 0
        var offset = 0
        while offset < block.byteCount {
            let skipped = OctetSearch.cleanRun(block, from: offset, dots: true)
            if skipped > offset {
                // A clean run has no LF without its CR.
                place = .cr
                follow(block.octet(skipped - 1))
            }
            offset = skipped
            let end = min(offset + OctetSearch.width, block.byteCount)
            while offset < end {
                let octet = block.octet(offset)
                if octet == ASCII.dot, place == .lineStart || place == .afterBareLF {
                    output.append(block.extracting(written..<offset))
                    output.append(ASCII.dot)
                    written = offset
                }
                follow(octet)
                offset += 1
            }
        }
        output.append(block.extracting(written..<block.byteCount))
    }

    /// Adds the CRLF that the content lacks; `CommandEncoder.endOfData` may follow.
    public mutating func finish(into output: inout OutputBuffer) {
        switch place {
        case .lineStart: break
        case .inLine, .afterBareLF: output.append("\r\n")
        case .cr: output.append(ASCII.lf)
        }
        place = .lineStart
    }

    /// A bare LF can't occur in clean content; if it did, a dot behind it would be doubled too.
    private mutating func follow(_ octet: UInt8) {
        switch octet {
        case ASCII.lf: place = place == .cr ? .lineStart : .afterBareLF
        case ASCII.cr: place = .cr
        default: place = .inLine
        }
    }
}
