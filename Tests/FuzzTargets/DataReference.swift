// What RFC 5321 says about message data, as plainly as it can be written; slow, and only for the tests.

public import SMTPWire

public enum DataReference {
    public static let end: [UInt8] = [0x0D, 0x0A, 0x2E, 0x0D, 0x0A]

    /// Octets of `input` up to and including the first CRLF.CRLF, the first CRLF possibly that of DATA; nil if there is none.
    public static func length(_ input: [UInt8]) -> Int? {
        let stream = [0x0D, 0x0A] + input
        guard stream.count >= 5 else { return nil }
        return (0...(stream.count - 5)).first { Array(stream[$0..<($0 + 5)]) == end }.map { $0 + 3 }
    }

    /// The first octet that may not be in a message; a CR that ends `raw` is not judged.
    public static func violation(_ raw: [UInt8]) -> Violation? {
        for (index, octet) in raw.enumerated() {
            if octet == 0 { return .nul }
            if octet == 0x0A, index == 0 || raw[index - 1] != 0x0D { return .bareLF }
            if octet == 0x0D, index + 1 < raw.count, raw[index + 1] != 0x0A { return .bareCR }
        }
        return nil
    }

    /// The lines of `raw`, which ends with a line end; with `repair` a bare CR or LF ends a line too.
    public static func lines(_ raw: [UInt8], repair: Bool) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var line: [UInt8] = []
        var index = 0
        while index < raw.count {
            let isPair = raw[index] == 0x0D && index + 1 < raw.count && raw[index + 1] == 0x0A
            if isPair || (repair && (raw[index] == 0x0D || raw[index] == 0x0A)) {
                lines.append(line)
                line = []
                index += isPair ? 2 : 1
            } else {
                line.append(raw[index])
                index += 1
            }
        }
        return lines
    }

    /// The content: each line without its stuffing.
    ///
    /// A dot alone can only be a repaired line, and is content.
    public static func content(_ raw: [UInt8], repair: Bool) -> [[UInt8]] {
        lines(raw, repair: repair).map { $0.first == 0x2E && $0.count > 1 ? Array($0.dropFirst()) : $0 }
    }

    public static func stuffed(_ lines: [[UInt8]]) -> [UInt8] {
        lines.flatMap { ($0.first == 0x2E ? [0x2E] + $0 : $0) + [0x0D, 0x0A] }
    }
}

/// What came of a message given in pieces.
public struct DataRun: Equatable {
    /// All octets read as part of the message; nil if it has not ended.
    public var consumed: Int?
    public var violation: Violation?
    /// What was passed on.
    public var output: [UInt8] = []
    public var contentOctets: UInt64 = 0

    public init(
        consumed: Int? = nil, violation: Violation? = nil, output: [UInt8] = [], contentOctets: UInt64 = 0
    ) {
        self.consumed = consumed
        self.violation = violation
        self.output = output
        self.contentOctets = contentOctets
    }
}

/// The scanner's doing, with a message in these pieces.
public func scanned(_ pieces: [[UInt8]]) -> DataRun {
    var scanner = DataScanner()
    var run = DataRun()
    var read = 0
    for piece in pieces {
        var rest = piece[...]
        if run.violation == nil {
            let step = scanner.scan(piece.span.bytes)
            run.output += octets("\(step.held.text)") + piece.prefix(step.forward)
            run.contentOctets = scanner.contentOctets
            switch step.event {
            case .more: rest = []
            case .endOfData(let consumed):
                run.consumed = read + consumed
                return run
            case .violation(let kind, let consumed):
                run.violation = kind
                rest = rest.dropFirst(consumed)
            }
        }
        if run.violation != nil {
            let skipped = piece.count - rest.count
            if case .endOfData(let consumed) = scanner.discard(Array(rest).span.bytes) {
                run.consumed = read + skipped + consumed
                return run
            }
        }
        read += piece.count
    }
    return run
}

/// The normalizer's doing, with a message in these pieces.
public func normalized(_ pieces: [[UInt8]]) -> DataRun {
    var normalizer = DataNormalizer()
    var discarder = DataScanner()
    var run = DataRun()
    var read = 0
    for piece in pieces {
        var skipped = 0
        if run.violation == nil {
            var event = DataNormalizer.Event.more
            run.output += written { event = normalizer.normalize(piece.span.bytes, into: &$0) }
            run.contentOctets = normalizer.contentOctets
            switch event {
            case .more: skipped = piece.count
            case .endOfData(let consumed):
                run.consumed = read + consumed
                return run
            case .violation(let kind, let consumed):
                run.violation = kind
                discarder = normalizer.discarder
                skipped = consumed
            }
        }
        if run.violation != nil {
            if case .endOfData(let consumed) = discarder.discard(Array(piece[skipped...]).span.bytes) {
                run.consumed = read + skipped + consumed
                return run
            }
        }
        read += piece.count
    }
    return run
}

/// What chunks in these pieces become behind DATA, with its end.
public func stuffed(_ pieces: [[UInt8]]) -> [UInt8] {
    var stuffer = DotStuffer()
    return written { output in
        for piece in pieces { stuffer.stuff(piece.span.bytes, into: &output) }
        stuffer.finish(into: &output)
        CommandEncoder.endOfData(to: &output)
    }
}
