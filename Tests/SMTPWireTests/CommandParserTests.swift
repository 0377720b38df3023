import SMTPWire
import Testing

@Suite struct CommandParserTests {
    @Test(arguments: [
        ("STARTTLS", Command.starttls), ("sTaRtTlS", .starttls), ("DATA", .data), ("RSET    ", .rset),
        ("rSeT\t", .rset),
        ("QUIT", .quit), ("NOOP", .noop), ("NOOP anything here", .noop), ("HELP MAIL", .help), ("VRFY bob", .vrfy),
        ("EXPN list", .expn), ("BDAT 0", .bdat(size: 0, last: false)), ("BDAT 86 LAST", .bdat(size: 86, last: true)),
        ("bdat 5 last ", .bdat(size: 5, last: true)),
        ("BDAT 18446744073709551615", .bdat(size: .max, last: false)),
    ])
    func `commands without an address are understood`(line: String, command: Command) {
        #expect(parse(line) == .success(command))
    }

    @Test(arguments: [
        ("", Verb.unknown, CommandFault.Kind.unknownCommand), ("B52", .unknown, .unknownCommand),
        ("FROP", .unknown, .unknownCommand), ("XCLIENT ADDR=127.0.0.1", .unknown, .unknownCommand),
        ("XFORWARD NAME=a", .unknown, .unknownCommand), ("ETRN example.com", .unknown, .unknownCommand),
        ("LHLO a", .unknown, .unknownCommand), ("TURN", .unknown, .unknownCommand), ("EHL", .unknown, .unknownCommand),
        ("GETTER", .unknown, .unknownCommand), ("RSET x", .rset, .unexpectedArgument),
        ("DATA x", .data, .unexpectedArgument), ("QUIT now", .quit, .unexpectedArgument),
        ("STARTTLS x", .starttls, .unexpectedArgument), ("NOOP \u{1}", .noop, .illegalBytes),
        ("NOOP a\tb", .noop, .illegalBytes), ("HELP \u{7F}", .help, .illegalBytes), ("VRFY ö", .vrfy, .illegalBytes),
        ("EHLO", .ehlo, .missingArgument), ("HELO  ", .helo, .missingArgument), ("EHLO a b", .ehlo, .syntax),
        ("EHLO <a>", .ehlo, .syntax), ("EHLO a\"b", .ehlo, .syntax), ("EHLO a\\b", .ehlo, .syntax),
        ("MAIL", .mail, .missingArgument), ("MAIL FROM:", .mail, .missingArgument), ("RCPT", .rcpt, .missingArgument),
        ("MAIL TO:<a@b>", .mail, .syntax), ("RCPT FROM:<a@b>", .rcpt, .syntax), ("MAIL FROM <a@b>", .mail, .syntax),
    ])
    func `a line that is not understood says why`(line: String, verb: Verb, kind: CommandFault.Kind) {
        #expect(parse(line) == .failure(CommandFault(verb: verb, kind: kind)))
    }

    @Test(arguments: [
        "GET / HTTP/1.1", "post /", "HEAD /", "PUT /", "OPTIONS *", "CONNECT internal.test:25 HTTP/1.1", "DELETE /",
        "TRACE /", "PATCH /", "PRI * HTTP/2.0", "SSH-2.0-OpenSSH", "PROXY TCP4 1.2.3.4 1.2.3.4 1 1", "<xml>",
        "Host: mail.example.com", "Content-Length: 133", "\u{16}\u{3}\u{1}", " NOOP", "{", "8bit", "ö",
    ])
    func `a foreign protocol is recognised`(line: String) {
        #expect(parse(line) == .failure(CommandFault(verb: .forbidden, kind: .forbidden)))
    }

    @Test func `octets that are not UTF-8 behind an unknown word are an unknown command`() {
        let result = parse(octets("FROP ") + [0xF1, 0x80])
        #expect(result == .failure(CommandFault(verb: .unknown, kind: .unknownCommand)))
    }

    @Test(arguments: [
        "BDAT", "BDAT ", "BDAT abc", "BDAT +5", "BDAT -5", "BDAT 5.0", "BDAT  5", "BDAT 5 FIRST", "BDAT 5 LAST EXTRA",
        "BDAT 5  LAST", "BDAT 5 LASTX", "BDAT 18446744073709551616", "BDAT 99999999999999999999999", "BDAT 0x5",
        "BDAT 5\tLAST", "BDAT 5\u{1}", "BDAT ٥",
    ])
    func `a chunk whose length could be read in two ways is refused`(line: String) {
        #expect(parse(line) == .failure(CommandFault(verb: .bdat, kind: .badChunkSize)))
    }

    @Test(arguments: [
        ("EHLO client.test", "client.test", true, false), ("eHlO  client.test   ", "client.test", true, false),
        ("HELO [192.0.2.1]", "[192.0.2.1]", true, true), ("EHLO [IPv6:2001:db8::1]", "[IPv6:2001:db8::1]", true, true),
        ("EHLO my_pc", "my_pc", true, false), ("EHLO -x", "-x", false, false), ("EHLO a..b", "a..b", false, false),
        ("EHLO [300.1.1.1]", "[300.1.1.1]", false, true), ("EHLO a@b", "a@b", false, false),
    ])
    func `a client's name is taken as it is and judged`(line: String, name: String, formed: Bool, literal: Bool) {
        guard case .success(let command) = parse(line) else {
            Issue.record("refused")
            return
        }
        switch command {
        case .helo(let helo), .ehlo(let helo):
            #expect(helo.bytes == octets(name))
            #expect(helo.isWellFormed == formed)
            #expect(helo.isAddressLiteral == literal)
        default:
            Issue.record("another command")
        }
    }

    @Test func `a client's name may have 255 octets`() {
        let name = String(repeating: "a", count: 255)
        #expect(fault("EHLO \(name)") == nil)
        #expect(fault("EHLO \(name)a") == .syntax)
    }

    @Test func `every verb has its command`() {
        let lines = [
            "HELO a", "EHLO a", "STARTTLS", "AUTH PLAIN", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA", "BDAT 1", "RSET",
            "NOOP", "QUIT", "VRFY a", "EXPN a", "HELP",
        ]
        for line in lines {
            guard case .success(let command) = parse(line) else {
                Issue.record("\(line) was refused")
                continue
            }
            #expect(command.verb.name == String(line.prefix { $0 != " " }))
        }
        #expect(lines.count == Verb.allCases.count - 2)
    }

    @Test func `no sequence of octets stops the parser`() {
        var numbers = Numbers(state: 7)
        let seeds = [
            "MAIL FROM:<a@b> SIZE=1", "RCPT TO:<\"a\"@[IPv6:::1]> NOTIFY=NEVER", "AUTH PLAIN AGEAYg==", "BDAT 5",
        ]
        for _ in 0..<4000 {
            var line = octets(seeds[Int(numbers.next() % 4)])
            for _ in 0...(numbers.next() % 3) {
                let place = Int(numbers.next() % UInt64(line.count))
                line[place] = UInt8(truncatingIfNeeded: numbers.next())
                if numbers.next() % 4 == 0 { line.removeLast() }
            }
            switch parse(line) {
            case .success(let command): #expect(command.verb != .unknown)
            case .failure(let fault): #expect(fault.kind != .needsSMTPUTF8 || fault.verb == .mail)
            }
        }
    }
}
