import SMTPWire
import Testing

@Suite struct LineFramerTests {
    private func frame(_ text: String, limit: Int = 100) -> LineFrame {
        LineFramer.next(octets(text).span.bytes, limit: limit)
    }

    @Test func `only CRLF ends a line`() {
        #expect(frame("NOOP\r\nQUIT\r\n") == .line(length: 4))
        #expect(frame("\r\n") == .line(length: 0))
        #expect(frame("NOOP") == .incomplete)
        #expect(frame("NOOP\r") == .incomplete)
        #expect(frame("") == .incomplete)
    }

    @Test(arguments: [
        ("NOOP\n", Violation.bareLF, 5), ("NOOP\nQUIT\r\n", .bareLF, 5), ("\n", .bareLF, 1),
        ("NOOP\r\r\n", .bareCR, 7), ("A\rB\r\nC", .bareCR, 5), ("A\rB", .bareCR, 3), ("A\rB\nC\n", .bareCR, 4),
        ("A\0B\r\nC", .nul, 5), ("\0", .nul, 1), ("A\0\n", .nul, 3), ("A\r\0\n", .bareCR, 4),
    ])
    func `a bare CR, a bare LF and a NUL are reported up to the next LF`(
        text: String, kind: Violation, consumed: Int
    ) {
        #expect(frame(text) == .bareNewline(kind, consumed: consumed))
    }

    @Test func `the limit counts content, and the line of exactly that length passes`() {
        let full = String(repeating: "a", count: 100)
        #expect(frame(full + "\r\n") == .line(length: 100))
        #expect(frame(full) == .incomplete)
        #expect(frame(full + "\r") == .incomplete)
        #expect(frame(full + "a") == .tooLong(scanned: 101))
        #expect(frame(full + "a\r\n") == .tooLong(scanned: 101))
        #expect(frame(full + "aa\n") == .tooLong(scanned: 102))
    }

    @Test func `a line is the same at every place it may be cut`() {
        let line = octets("MAIL FROM:<someone@example.com> SIZE=1000 BODY=8BITMIME\r\n")
        for cut in line.indices {
            let head = LineFramer.next(Array(line[..<cut]).span.bytes, limit: 100)
            #expect(head == .incomplete)
        }
        let whole = LineFramer.next(line.span.bytes, limit: 100)
        #expect(whole == .line(length: line.count - 2))
    }

    @Test func `the rest of a long line is dropped up to the true CRLF, however it is cut`() {
        let rest = octets("aaa\nbb\rcc\n\r\rdd\r\nNOOP\r\n")
        let length = rest.count - 6
        for cut in 0...length {
            var discarder = LineDiscarder()
            let first = discarder.discard(Array(rest[..<cut]).span.bytes)
            if first.ended {
                #expect(cut == length && first.consumed == length)
                continue
            }
            #expect(first.consumed == cut)
            let second = discarder.discard(Array(rest[cut...]).span.bytes)
            #expect(second.ended && second.consumed == length - cut)
        }
    }
}
