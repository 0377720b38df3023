import FuzzTargets
import SMTPWire
import Testing

/// Behind every tail: the true end of data, and a command that must not be read.
private let ending = octets("\r\n.\r\nQUIT\r\n")

@Suite struct DataTests {
    @Test func `the scanner agrees with the reference on every tail, however it is cut`() {
        var numbers = Numbers(state: 42)
        forEachTail(upTo: 7) { tail in
            let input = tail + ending
            let run = scanned(pieces(input, &numbers))
            check(run, input)
        }
    }

    @Test func `the scanner agrees with the reference behind long lines`() {
        var numbers = Numbers(state: 43)
        forEachTail(upTo: 4) { tail in
            let padding = [UInt8](repeating: 0x78, count: Int(28 + numbers.next() % 8))
            let input = octets("Subject: t\r\n\r\n..x\r\n") + padding + tail + padding + tail + ending
            check(scanned([input]), input)
            check(scanned(pieces(input, &numbers)), input)
        }
    }

    @Test func `the end of data is found at every place of a vector, whatever follows it`() {
        let behind = [UInt8](repeating: 0x79, count: 100)
        for count in 0..<130 {
            let padding = [UInt8](repeating: 0x78, count: count)
            for middle in ["", "\r\n..z", "\r\n.z", "\r\n"] {
                let input = padding + octets(middle) + octets("\r\n.\r\n") + behind
                check(scanned([input]), input)
                let stuffed = padding + octets(middle) + behind + ending
                check(scanned([stuffed]), stuffed)
            }
            for fake in ["\r\n.\n", "\r\n.\ry", "\n.\r\n", "\r\n\0.\r\n"] {
                let input = padding + octets(fake) + behind + ending
                check(scanned([input]), input)
            }
        }
    }

    private func check(_ run: DataRun, _ input: [UInt8]) {
        guard let length = DataReference.length(input) else {
            Issue.record("the input has an end")
            return
        }
        let raw = Array(input.prefix(length))
        let content = Array(raw.dropLast(3))
        let violation = DataReference.violation(raw)
        let lines = DataReference.content(content, repair: false)
        let octets = UInt64(lines.reduce(0) { $0 + $1.count + 2 })
        if run.consumed != length || run.violation != violation { Issue.record("\(input) gave \(run)") }
        if violation == nil, run.output != content || run.contentOctets != octets {
            Issue.record("\(input) passed \(run.output), \(run.contentOctets) octets")
        }
        if DataReference.length(run.output) != nil { Issue.record("\(input) passed an end of data") }
    }

    @Test func `the normalizer agrees with the reference on every tail, however it is cut`() {
        var numbers = Numbers(state: 44)
        forEachTail(upTo: 6) { tail in
            let input = tail + ending
            let run = normalized(pieces(input, &numbers))
            guard let length = DataReference.length(input) else { return }
            let raw = Array(input.prefix(length))
            if run.consumed != length { Issue.record("\(input) gave \(run)") }
            if raw.contains(0) {
                if run.violation != .nul { Issue.record("\(input) passed a NUL") }
            } else {
                let lines = DataReference.content(Array(raw.dropLast(3)), repair: true)
                if run.violation != nil || run.output != DataReference.stuffed(lines) {
                    Issue.record("\(input) gave \(run)")
                }
                if run.contentOctets != UInt64(lines.reduce(0) { $0 + $1.count + 2 }) {
                    Issue.record("\(input) counted \(run)")
                }
            }
            if DataReference.length(run.output) != nil { Issue.record("\(input) passed an end of data") }
            if run.violation == nil, DataReference.violation(run.output) != nil {
                Issue.record("\(input) passed \(run.output)")
            }
        }
    }

    @Test func `chunks become data that reads back as the same content`() {
        var numbers = Numbers(state: 45)
        forEachTail(upTo: 6) { tail in
            let output = stuffed(pieces(tail, &numbers))
            if DataReference.length(output) != output.count { Issue.record("\(tail) ends in \(output)") }
            guard DataReference.violation(tail) == nil, tail.last != 0x0D else { return }
            let lines = DataReference.content(Array(output.dropLast(3)), repair: false)
            let expected = tail.isEmpty || tail.suffix(2) == [0x0D, 0x0A] ? tail : tail + [0x0D, 0x0A]
            if lines.flatMap({ $0 + [0x0D, 0x0A] }) != expected { Issue.record("\(tail) became \(output)") }
        }
    }

    @Test func `chunks are checked across their borders`() {
        var numbers = Numbers(state: 46)
        forEachTail(upTo: 6) { tail in
            var scanner = ChunkScanner()
            var passed: [UInt8] = []
            var found: Violation?
            for piece in pieces(tail, &numbers) where found == nil {
                let step = scanner.scan(piece.span.bytes)
                passed += piece.prefix(step.forward)
                found = step.violation
            }
            let last = scanner.finish()
            if found != DataReference.violation(tail) { Issue.record("\(tail) gave \(String(describing: found))") }
            if found == nil, passed != tail || (last == .bareCR) != (tail.last == 0x0D) { Issue.record("\(tail)") }
        }
    }

    @Test func `chunks of long lines are checked and stuffed alike, whole or octet by octet`() {
        for count in 0..<70 {
            let padding = [UInt8](repeating: 0x78, count: count)
            let long = [UInt8](repeating: 0x79, count: 100)
            for middle in ["\r\n", "\r\n.\r\n", "\r\n..", "\n", "\r", "\0", "\r\r\n"] {
                let content = padding + octets(middle) + long + octets("\r\n")
                var scanner = ChunkScanner()
                let step = scanner.scan(content.span.bytes)
                #expect(step.violation == DataReference.violation(content))
                guard step.violation == nil else { continue }
                #expect(step.forward == content.count)
                let lines = DataReference.lines(content, repair: false)
                #expect(stuffed([content]) == DataReference.stuffed(lines) + octets(".\r\n"))
                #expect(stuffed(content.map { [$0] }) == stuffed([content]))
            }
            var scanner = ChunkScanner()
            let open = padding + long + octets("\r")
            let closing: [UInt8] = [0x0A]
            let first = scanner.scan(open.span.bytes)
            let second = scanner.scan(closing.span.bytes)
            #expect(first.violation == nil && second.violation == nil)
        }
    }

    @Test func `binary chunks pass unchecked`() {
        var scanner = ChunkScanner(binary: true)
        let block: [UInt8] = [0, 10, 13, 13, 0]
        let step = scanner.scan(block.span.bytes)
        #expect(step.forward == 5)
        #expect(step.violation == nil)
        #expect(scanner.finish() == nil)
        #expect(scanner.contentOctets == 5)
    }

    @Test(arguments: [
        ("\n.\n", Violation.bareLF), ("\n.\r\n", .bareLF), ("\r.\r", .bareCR), ("\r.\r\n", .bareCR), ("\r.\n", .bareCR),
        ("\r\n.\n", .bareLF), ("\r\n.\r", .bareCR), ("\r\n.\r\r\n", .bareCR), ("\r\r\n.\r\r\n", .bareCR),
        ("\r\r\n.\n", .bareCR),
        ("\n\n.\n\n", .bareLF), ("\r\n\0.\r\n", .nul), ("\r\n.\0\r\n", .nul),
    ])
    func `no fake end of data ends a message, cut anywhere`(fake: String, kind: Violation) {
        let input = octets("Subject: outer\r\n\r\nouter body\(fake)MAIL FROM:<smuggled@example.com>\r\nx\r\n.\r\n")
        for cut in 0...input.count {
            let run = scanned([Array(input[..<cut]), Array(input[cut...])])
            #expect(run.violation == kind)
            #expect(run.consumed == input.count)
            #expect(!text(run.output).contains("MAIL"))
        }
    }

    @Test(arguments: [
        "\r\n.\t\r\n", "\r\n .\r\n", "\r\n. \r\n", "\r\n..\r\n", "\u{85}.\u{85}", "\u{B}.\u{B}", "\u{C}.\u{C}",
    ])
    func `what only looks like an end of data is content`(near: String) {
        let input = octets("body\(near)more\r\n.\r\n")
        for cut in 0...input.count {
            let run = scanned([Array(input[..<cut]), Array(input[cut...])])
            #expect(run.violation == nil)
            #expect(run.output == input.dropLast(3))
        }
    }

    @Test func `a message may be empty and may be cut at every octet`() {
        #expect(scanned([octets(".\r\n")]) == DataRun(consumed: 3))
        let input = octets("body\r\n.\r\n")
        #expect(
            scanned(input.map { [$0] })
                == DataRun(consumed: 9, violation: nil, output: octets("body\r\n"), contentOctets: 6))
    }

    @Test(arguments: [
        ("outer\n.\nMAIL\r\n", "outer\r\n..\r\nMAIL\r\n"), ("outer\r\n.\nMAIL\r\n", "outer\r\n..\r\nMAIL\r\n"),
        ("outer\r.\rMAIL\r\n", "outer\r\n..\r\nMAIL\r\n"), ("outer\r\n.\r\r\nMAIL\r\n", "outer\r\n..\r\n\r\nMAIL\r\n"),
        ("a\r\r\nb\r\n", "a\r\n\r\nb\r\n"), ("..a\n..b\r\n", "..a\r\n..b\r\n"),
    ])
    func `a repaired dot is never alone`(sent: String, expected: String) {
        let run = normalized([octets(sent + ".\r\n")])
        #expect(text(run.output) == expected)
        #expect(run.consumed == sent.utf8.count + 3)
    }

    @Test func `repairs are counted`() {
        var normalizer = DataNormalizer()
        _ = written { _ = normalizer.normalize(octets("a\nb\rc\n\r\r\n.\r\n").span.bytes, into: &$0) }
        #expect(normalizer.bareLFs == 2)
        #expect(normalizer.bareCRs == 2)
    }

    @Test func `a message that is refused anywhere while it is mended is read to the same end`() {
        forEachTail(upTo: 5) { tail in
            let input = tail + ending
            guard let length = DataReference.length(input), !tail.contains(0) else { return }
            for cut in 0..<length {
                var normalizer = DataNormalizer()
                _ = written { _ = normalizer.normalize(Array(input[..<cut]).span.bytes, into: &$0) }
                var discarder = normalizer.discarder
                let rest = discarder.discard(Array(input[cut...]).span.bytes)
                if rest != .endOfData(consumed: length - cut) { Issue.record("\(input) cut at \(cut) gave \(rest)") }
            }
        }
    }
}
