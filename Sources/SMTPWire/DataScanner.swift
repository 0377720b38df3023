// Message content between DATA and its end, as it streams by (RFC 5321 4.1.1.4, 4.5.2).
//
// The only end of data is CRLF.CRLF, where the first CRLF may be the one of the DATA command. Clean content is already
// dot-stuffed and goes on verbatim; the scanner only says how much of a block may go. It holds back what could still
// become something else: a dot that begins a line, a CR whose LF is not there yet.

import Bytes

public struct DataScanner: Sendable {
    /// What earlier blocks left undecided.
    public enum Held: UInt8, Sendable {
        case nothing, dot, cr, dotCR

        public var text: StaticString {
            switch self {
            case .nothing: ""
            case .dot: "."
            case .cr: "\r"
            case .dotCR: ".\r"
            }
        }
    }

    public enum Event: Equatable, Sendable {
        /// The whole block was read.
        case more
        /// The first `consumed` octets belonged to the message; commands follow.
        case endOfData(consumed: Int)
        /// The message can't pass. `discard` goes on with the block from `consumed` on.
        case violation(Violation, consumed: Int)
    }

    public struct Step: Equatable, Sendable {
        /// To be passed on first: held back from earlier blocks, now known to be content.
        public var held: Held
        /// How many octets from the front of the block to pass on then.
        public var forward: Int
        public var event: Event
    }

    public enum Discarded: Equatable, Sendable {
        case more
        case endOfData(consumed: Int)
    }

    /// Octets of content so far, without stuffing, without the end of data.
    public private(set) var contentOctets: UInt64 = 0

    enum Place: UInt8 {
        case lineStart, inLine, cr
        /// `.` at the beginning of a line, then nothing or CR.
        case dot, dotCR
    }

    private var place = Place.lineStart

    public init() {}

    init(at place: Place) {
        self.place = place
    }

    /// Reads on in the message; a block is read once.
    public mutating func scan(_ block: RawSpan) -> Step {
        let before = heldNow
        var offset = 0
        var dots = 0
        while offset < block.byteCount {
            offset = skipClean(block, from: offset)
            let end = min(offset + OctetSearch.width, block.byteCount)
            while offset < end {
                switch advance(block.octet(offset)) {
                case .content: break
                case .stuffedContent: dots += 1
                case .end: return finish(block, before, offset, dots, .endOfData(consumed: offset + 1))
                case .bad(.bareCR): return violated(.bareCR, before, offset, dots, consumed: offset)
                case .bad(let kind): return violated(kind, before, offset, dots, consumed: offset + 1)
                }
                offset += 1
            }
        }
        return finish(block, before, offset, dots, .more)
    }

    /// Skips to the true end of data of a message that was refused.
    public mutating func discard(_ block: RawSpan) -> Discarded {
        var offset = 0
        while offset < block.byteCount {
            offset = skipClean(block, from: offset)
            let end = min(offset + OctetSearch.width, block.byteCount)
            while offset < end {
                switch advance(block.octet(offset)) {
                case .content, .stuffedContent: offset += 1
                case .end: return .endOfData(consumed: offset + 1)
                case .bad(.bareCR): place = .inLine
                case .bad:
                    place = .inLine
                    offset += 1
                }
            }
        }
        return .more
    }
}

extension DataScanner {
    private enum Octet {
        case content
        /// Content, and the dot before it was stuffing.
        case stuffedContent
        case end
        /// For `bareCR` the octet is the one behind the CR, and is not read yet.
        case bad(Violation)
    }

    private mutating func advance(_ octet: UInt8) -> Octet {
        switch (place, octet) {
        case (.cr, ASCII.lf):
            place = .lineStart
        case (.dotCR, ASCII.lf):
            place = .lineStart
            return .end
        case (.cr, _), (.dotCR, _):
            return .bad(.bareCR)
        case (_, ASCII.lf):
            return .bad(.bareLF)
        case (_, ASCII.nul):
            return .bad(.nul)
        case (.dot, ASCII.cr):
            place = .dotCR
        case (.dot, _):
            place = .inLine
            return .stuffedContent
        case (_, ASCII.cr):
            place = .cr
        case (.lineStart, ASCII.dot):
            place = .dot
        case (.lineStart, _), (.inLine, _):
            place = .inLine
        }
        return .content
    }

    /// Clean octets from `offset` on, 32 at a step, and the place behind them.
    private mutating func skipClean(_ block: RawSpan, from offset: Int) -> Int {
        if place == .dot || place == .dotCR { return offset }
        let end = OctetSearch.cleanRun(block, from: offset, dots: true)
        guard end > offset else { return offset }
        switch block.octet(end - 1) {
        case ASCII.cr: place = .cr
        case ASCII.lf: place = .lineStart
        default: place = .inLine
        }
        return end
    }

    private var heldNow: Held {
        switch place {
        case .lineStart, .inLine: .nothing
        case .cr: .cr
        case .dot: .dot
        case .dotCR: .dotCR
        }
    }

    /// `offset` octets of the block were read; what must be held back is its tail, or what was held already.
    private mutating func finish(
        _ block: RawSpan, _ before: Held, _ offset: Int, _ dots: Int, _ event: Event
    ) -> Step {
        let all = before.text.utf8CodeUnitCount + offset
        let kept = event == .more ? heldNow.text.utf8CodeUnitCount : Held.dotCR.text.utf8CodeUnitCount
        return pass(before, octets: all - kept, dots, event)
    }

    private mutating func violated(
        _ kind: Violation, _ before: Held, _ offset: Int, _ dots: Int, consumed: Int
    ) -> Step {
        let kept = heldNow.text.utf8CodeUnitCount
        place = .inLine
        let all = before.text.utf8CodeUnitCount + offset
        return pass(before, octets: all - kept, dots, .violation(kind, consumed: consumed))
    }

    /// Passes the first `octets` of what was held and the block.
    private mutating func pass(_ before: Held, octets: Int, _ dots: Int, _ event: Event) -> Step {
        contentOctets &+= UInt64(clamping: octets - dots)
        if octets <= 0 { return Step(held: .nothing, forward: 0, event: event) }
        let held = before.text.utf8CodeUnitCount
        return Step(held: before, forward: max(0, octets - held), event: event)
    }
}
