import Bytes
import Testing

@testable import SharedStore

@Suite struct ReplyReaderTests {
    /// Everything that comes out of `pieces`, up to the first fault.
    private static func read(_ pieces: [[UInt8]]) -> [ReplyReader.Outcome] {
        var input = InputBuffer(pool: BufferPool())
        var reader = ReplyReader()
        var outcomes: [ReplyReader.Outcome] = []
        for piece in pieces {
            var rest = piece[...]
            while !rest.isEmpty {
                rest = rest.dropFirst(input.append(rest))
                reader.feed(&input)
                while true {
                    let outcome = reader.next()
                    if outcome == .incomplete { break }
                    outcomes.append(outcome)
                    if case .fault = outcome { return outcomes }
                }
            }
        }
        return outcomes
    }

    private static func read(_ text: String) -> [ReplyReader.Outcome] { read([Array(text.utf8)]) }

    private static func isFault(_ outcomes: [ReplyReader.Outcome]) -> Bool {
        if case .fault = outcomes.last { outcomes.count == 1 } else { false }
    }

    private static let sample = Array(
        "+OK\r\n-ERR a b\r\n:-42\r\n$5\r\na\r\nbc\r\n$-1\r\n*-1\r\n*0\r\n*3\r\n:1\r\n*2\r\n-NOPE\r\n$0\r\n\r\n+x\r\n"
            .utf8)
    private static let values: [StoreReply] = [
        .status(Array("OK".utf8)), .error(Array("ERR a b".utf8)), .integer(-42), .bulk(Array("a\r\nbc".utf8)), .null,
        .null, .array([]),
        .array([.integer(1), .array([.error(Array("NOPE".utf8)), .bulk([])]), .status([UInt8(ascii: "x")])]),
    ]

    @Test func `every kind of reply is read, wherever the octets are cut`() {
        let expected = Self.values.map { ReplyReader.Outcome.reply($0) }
        #expect(Self.read([Self.sample]) == expected)
        #expect(Self.read(Self.sample.map { [$0] }) == expected)
        for cut in Self.sample.indices {
            #expect(Self.read([Array(Self.sample[..<cut]), Array(Self.sample[cut...])]) == expected)
        }
    }

    @Test(arguments: [
        "*2147483647\r\n", "*65537\r\n", "*-2\r\n", "*9223372036854775808\r\n", "$-2\r\n", "$x\r\n", ":\r\n", ":1x\r\n",
        "HTTP/1.1 400\r\n", "\0", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    ])
    func `what is no reply, or announces too much, is a fault`(text: String) {
        #expect(Self.isFault(Self.read(text)))
    }

    @Test func `a string that never ends, whatever length it announces, is a fault after a megabyte`() {
        let block = [UInt8](repeating: UInt8(ascii: "a"), count: 16384)
        for start in ["$9223372036854775807\r\n", "$9223372036854775806\r\n", "$2000000\r\n", "+"] {
            let pieces = [Array(start.utf8)] + Array(repeating: block, count: 66)
            #expect(Self.isFault(Self.read(pieces)), "\(start)")
            #expect(Self.read(Array(pieces.prefix(60))).isEmpty, "\(start)")
        }
    }

    @Test func `a reply of many small strings is bounded as a whole`() {
        let many =
            [Array("*65000\r\n".utf8)]
            + Array(repeating: Array("$30\r\n\(String(repeating: "b", count: 30))\r\n".utf8), count: 65000)
        #expect(Self.isFault(Self.read(many)))
        let nested = [Array("*60000\r\n".utf8)] + Array(repeating: Array("*1\r\n:1\r\n".utf8), count: 60000)
        #expect(Self.isFault(Self.read(nested)))
        let fair = [Array("*60000\r\n".utf8)] + Array(repeating: Array(":1\r\n".utf8), count: 60000)
        #expect(Self.read(fair) == [.reply(.array(Array(repeating: .integer(1), count: 60000)))])
    }

    @Test func `after a fault nothing is read any more`() {
        var input = InputBuffer(pool: BufferPool())
        var reader = ReplyReader()
        input.append(Array("?\r\n+OK\r\n".utf8))
        reader.feed(&input)
        let fault = reader.next()
        guard case .fault(let text) = fault else {
            Issue.record("no fault")
            return
        }
        #expect(text.contains("?"))
        input.append(Array("+OK\r\n".utf8))
        reader.feed(&input)
        let again = reader.next()
        #expect(again == fault)
    }

    @Test func `what is asked is read back as it was meant, octet for octet`() {
        var output = OutputBuffer(pool: BufferPool())
        let words: [[UInt8]] = [Array("SET".utf8), Array(0...255), [], Array("$3\r\n*1\r\n".utf8)]
        output.request(words)
        output.request(2)
        output.word("GET")
        output.word(decimal: .max)
        let octets = output.pending.withUnsafeBytes { Array($0) }
        #expect(
            Self.read([octets]) == [
                .reply(.array(words.map { .bulk($0) })),
                .reply(.array([.bulk(Array("GET".utf8)), .bulk(Array("18446744073709551615".utf8))])),
            ])
    }

    @Test func `a server's words are shown without what could end a line`() {
        #expect(StoreReply.error(Array("ERR a\u{1b}[31m\nb".utf8)).errorText == "ERR a?[31m?b")
        #expect(StoreReply.error(Array(repeating: 65, count: 5000)).errorText?.utf8.count == 200)
    }
}
