import SMTPWire

/// Message content behind DATA: scanner and normalizer agree with the reference, however the content is cut.
enum DataTarget {
    /// The true end of data, and a command that must not be read.
    private static let ending = octets("\r\n.\r\nQUIT\r\n")

    static func check(_ cut: CutInput) throws(Complaint) {
        let input = cut.whole + ending
        guard let length = DataReference.length(input) else { throw Complaint(text: "the reference finds no end") }
        let raw = Array(input.prefix(length))
        for pieces in [[input], cut.pieces(of: input)] {
            try checkScanner(scanned(pieces), raw)
            try checkNormalizer(normalized(pieces), raw)
        }
    }

    private static func checkScanner(_ run: DataRun, _ raw: [UInt8]) throws(Complaint) {
        let violation = DataReference.violation(raw)
        try require(
            run.consumed == raw.count, "the scanner read \(shown(raw)) up to \(String(describing: run.consumed))")
        try require(run.violation == violation, "\(shown(raw)): \(String(describing: run.violation))")
        try require(DataReference.length(run.output) == nil, "\(shown(raw)) passed an end of data")
        guard violation == nil else { return }
        let content = Array(raw.dropLast(3))
        let lines = DataReference.content(content, repair: false)
        try require(run.output == content, "\(shown(raw)) passed as \(shown(run.output))")
        try require(run.contentOctets == size(lines), "\(shown(raw)) counts \(run.contentOctets) octets")
    }

    private static func checkNormalizer(_ run: DataRun, _ raw: [UInt8]) throws(Complaint) {
        try require(
            run.consumed == raw.count, "the normalizer read \(shown(raw)) to \(String(describing: run.consumed))")
        try require(DataReference.length(run.output) == nil, "\(shown(raw)) normalized has an end of data")
        if raw.contains(0) {
            try require(run.violation == .nul, "\(shown(raw)) passed a NUL")
            return
        }
        let lines = DataReference.content(Array(raw.dropLast(3)), repair: true)
        try require(run.violation == nil, "\(shown(raw)) is refused")
        try require(run.output == DataReference.stuffed(lines), "\(shown(raw)) normalized is \(shown(run.output))")
        try require(DataReference.violation(run.output) == nil, "\(shown(run.output)) is not clean")
        try require(run.contentOctets == size(lines), "\(shown(raw)) normalized counts \(run.contentOctets) octets")
    }

    private static func size(_ lines: [[UInt8]]) -> UInt64 {
        UInt64(lines.reduce(0) { $0 + $1.count + 2 })
    }
}

/// Content of BDAT: checked over chunk borders, and as data the same message.
enum ChunkTarget {
    static func check(_ cut: CutInput) throws(Complaint) {
        let content = cut.whole
        for pieces in [[content], cut.pieces(of: content)] {
            try checkScanner(pieces, content)
            try checkStuffer(pieces, content)
        }
    }

    private static func checkScanner(_ pieces: [[UInt8]], _ content: [UInt8]) throws(Complaint) {
        var scanner = ChunkScanner()
        var passed: [UInt8] = []
        var found: Violation?
        for piece in pieces where found == nil {
            let step = scanner.scan(piece.span.bytes)
            passed += piece.prefix(step.forward)
            found = step.violation
        }
        try require(found == DataReference.violation(content), "\(shown(content)): \(String(describing: found))")
        try require(scanner.contentOctets == passed.count, "\(passed.count) passed, \(scanner.contentOctets) counted")
        guard found == nil else { return }
        try require(passed == content, "\(shown(content)) passed as \(shown(passed))")
        let last = scanner.finish()
        try require((last == .bareCR) == (content.last == 0x0D), "\(shown(content)) ends: \(String(describing: last))")
    }

    private static func checkStuffer(_ pieces: [[UInt8]], _ content: [UInt8]) throws(Complaint) {
        let output = stuffed(pieces)
        try require(DataReference.length(output) == output.count, "\(shown(content)) ends early: \(shown(output))")
        guard DataReference.violation(content) == nil, content.last != 0x0D else { return }
        let lines = DataReference.content(Array(output.dropLast(3)), repair: false)
        let isWhole = content.isEmpty || content.suffix(2) == [0x0D, 0x0A]
        let expected = isWhole ? content : content + [0x0D, 0x0A]
        try require(lines.flatMap { $0 + [0x0D, 0x0A] } == expected, "\(shown(content)) became \(shown(output))")
    }
}
