import Bytes
import SMTPWire
import Testing

@Suite struct ReplyTests {
    /// The outcomes for `bytes` given in `pieces`, without the incomplete ones.
    private func outcomes(_ pieces: [[UInt8]]) -> [ReplyParser.Outcome] {
        var parser = ReplyParser()
        var input = InputBuffer(pool: BufferPool())
        var found: [ReplyParser.Outcome] = []
        for piece in pieces {
            input.append(piece)
            var next = parser.next(&input)
            while next != .incomplete {
                found.append(next)
                if case .malformed = next { return found }
                next = parser.next(&input)
            }
        }
        return found
    }

    private func first(_ text: String) -> ReplyParser.Outcome? { outcomes([octets(text)]).first }

    @Test(arguments: [
        ("250 2.1.0 Ok\r\n", UInt16(250), ["2.1.0 Ok"]), ("354\r\n", 354, [""]), ("220 \r\n", 220, [""]),
        ("250-a\r\n250-b\r\n250 c\r\n", 250, ["a", "b", "c"]), ("550-x\r\n550\r\n", 550, ["x", ""]),
        ("559 y\r\n", 559, ["y"]),
    ])
    func `a reply is read`(text: String, code: UInt16, lines: [String]) {
        #expect(first(text) == .reply(Reply(code: code, lines: lines.map(octets))))
    }

    @Test(arguments: [
        ("250 a\n", ReplyParser.Fault.lineEnd), ("250 a\rb\r\n", .lineEnd), ("250 a\0\r\n", .lineEnd),
        ("hello\r\n", .code),
        ("\r\n", .code), ("25\r\n", .code), ("150 a\r\n", .code), ("650 a\r\n", .code), ("260 a\r\n", .code),
        ("2500 a\r\n", .code),
        ("250\ta\r\n", .code), ("250-a\r\n251 b\r\n", .mixedCodes), ("250-a\r\nb\r\n", .code),
    ])
    func `a malformed reply says why`(text: String, fault: ReplyParser.Fault) {
        #expect(first(text) == .malformed(fault))
    }

    @Test func `a reply is bounded in line, lines and octets`() {
        func line(_ text: String, count: Int) -> String {
            text + String(repeating: "x", count: count - text.utf8.count) + "\r\n"
        }
        #expect(first(line("250 ", count: 1024)) == .reply(Reply(250, String(repeating: "x", count: 1020))))
        #expect(first(line("250 ", count: 1025)) == .malformed(.lineTooLong))
        let hundred = String(repeating: "250-a\r\n", count: 99) + "250 a\r\n"
        #expect(first(hundred) == .reply(Reply(250, Array(repeating: "a", count: 100).joined(separator: "\n"))))
        #expect(first("250-a\r\n" + hundred) == .malformed(.tooManyLines))
        var parser = ReplyParser()
        var input = InputBuffer(pool: BufferPool())
        var last = ReplyParser.Outcome.incomplete
        for _ in 0..<17 where last == .incomplete {
            input.append(octets(line("250-", count: 1024)))
            last = parser.next(&input)
        }
        #expect(last == .malformed(.replyTooLong))
    }

    @Test func `replies are the same at every place they may be cut`() {
        let stream = octets("250-PIPELINING\r\n250 SIZE 1\r\n354 go\r\n550 5.7.1 no\r\n")
        let whole = outcomes([stream])
        #expect(whole.count == 3)
        for cut in stream.indices {
            #expect(outcomes([Array(stream[..<cut]), Array(stream[cut...])]) == whole)
        }
        #expect(outcomes(stream.map { [$0] }) == whole)
    }

    @Test func `what is not consumed stays in the buffer`() {
        var parser = ReplyParser()
        var input = InputBuffer(pool: BufferPool())
        input.append(octets("220 go\r\n250 extra\r\n"))
        let outcome = parser.next(&input)
        let left = input.count
        #expect(outcome == .reply(Reply(220, "go")))
        #expect(left == 11)
        #expect(!parser.isInsideReply)
    }

    @Test func `enhanced codes are found where they are and agree with the code`() {
        #expect(Reply(550, "5.7.1 no").enhanced == EnhancedCode(5, 7, 1))
        #expect(Reply(250, "2.0.0").enhanced?.description == "2.0.0")
        #expect(Reply(421, "4.999.999 x").enhanced == EnhancedCode(4, 999, 999))
        for text in ["no", "", "5.7 no", "5.7.1no", "5.7.1000 x", "3.0.0 x", "5..1 x", "4.7.1 x", "5.7.1.2 x"] {
            #expect(Reply(550, text).enhanced == nil, "\(text)")
        }
    }

    @Test func `the classes of codes are told apart`() {
        #expect(Reply(250, "").isPositive && !Reply(354, "").isPositive)
        #expect(Reply(354, "").isIntermediate)
        #expect(Reply(450, "").isTransientNegative && !Reply(450, "").isPermanentNegative)
        #expect(Reply(550, "").isPermanentNegative)
    }

    @Test func `a reply is written with its code on every line and can be read again`() {
        let reply = Reply(250, "a\nb\n2.0.0 c")
        let bytes = written { ReplyEncoder.write(reply, to: &$0) }
        #expect(text(bytes) == "250-a\r\n250-b\r\n250 2.0.0 c\r\n")
        #expect(outcomes([bytes]) == [.reply(reply)])
        #expect(written { ReplyEncoder.write(Reply(code: 354, lines: []), to: &$0) } == octets("354 \r\n"))
    }

    @Test func `text of a backend can't break a reply`() {
        let reply = Reply(code: 550, lines: [octets("a\r\n250 ok\u{1B}[0m ö"), [UInt8](repeating: 0x78, count: 2000)])
        let bytes = written { ReplyEncoder.write(reply, to: &$0) }
        #expect(text(bytes).hasPrefix("550-a??250 ok?[0m ??\r\n550 xxx"))
        let lines = bytes.split(separator: 0x0A)
        #expect(lines.count == 2)
        #expect(lines.map { $0.count + 1 }.max() == 512)
    }
}
