// Turns a line into a command (RFC 5321 4.1.1). Strict where leniency has been exploited: no control characters, each
// parameter once, sizes without sign; lenient where old clients are: letter case, trailing white space, extra spaces.

import Bytes

public enum CommandParser {
    /// Parses `line`, which has no CRLF any more.
    public static func parse(_ line: RawSpan) -> Result<Command, CommandFault> {
        let end = lengthWithoutTrailingSpace(line)
        let trimmed = line.extracting(0..<end)
        let verb = Verb(trimmed, length: wordLength(trimmed))
        do throws(CommandFault.Kind) {
            return .success(try command(verb, trimmed))
        } catch {
            return .failure(CommandFault(verb: verb, kind: error))
        }
    }

    private static func command(_ verb: Verb, _ line: RawSpan) throws(CommandFault.Kind) -> Command {
        try requireCleanOctets(verb, line)
        switch verb {
        case .helo: return .helo(try heloName(line))
        case .ehlo: return .ehlo(try heloName(line))
        case .starttls: return try bare(.starttls, line, length: 8)
        case .auth: return .auth(try authCommand(line))
        case .mail: return .mail(try mailCommand(line))
        case .rcpt: return .rcpt(try rcptCommand(line))
        case .data: return try bare(.data, line, length: 4)
        case .bdat: return try chunk(line)
        case .rset: return try bare(.rset, line, length: 4)
        case .noop: return .noop
        case .quit: return try bare(.quit, line, length: 4)
        case .vrfy: return .vrfy
        case .expn: return .expn
        case .help: return .help
        case .unknown: throw .unknownCommand
        case .forbidden: throw .forbidden
        }
    }

    /// No control characters anywhere; octets outside ASCII only where an address may have them (RFC 6531).
    private static func requireCleanOctets(_ verb: Verb, _ line: RawSpan) throws(CommandFault.Kind) {
        if verb == .unknown || verb == .forbidden || verb == .bdat { return }
        let allows8Bit = verb == .mail || verb == .rcpt
        for offset in OctetSearch.firstUnprintable(line, from: 0)..<line.byteCount {
            let octet = line.octet(offset)
            if octet < 0x20 || octet == ASCII.del || (octet >= 0x80 && !allows8Bit) { throw .illegalBytes }
        }
    }
}

// MARK: Words

extension CommandParser {
    private static func lengthWithoutTrailingSpace(_ line: RawSpan) -> Int {
        var end = line.byteCount
        while let last = line.peek(end - 1), last == ASCII.space || last == ASCII.tab { end -= 1 }
        return end
    }

    private static func wordLength(_ line: RawSpan) -> Int {
        wordEnd(line, from: 0)
    }

    /// The offset of the first space at or behind `start`, or the length of the line.
    static func wordEnd(_ line: RawSpan, from start: Int) -> Int {
        var offset = start
        while let octet = line.peek(offset), octet != ASCII.space { offset += 1 }
        return offset
    }

    /// The offset of the first octet at or behind `start` that is no space, or the length of the line.
    static func skipSpaces(_ line: RawSpan, from start: Int) -> Int {
        var offset = start
        while line.peek(offset) == ASCII.space { offset += 1 }
        return offset
    }

    /// The decimal number in `range`; nil if it is empty or not all digits, `.max` with `overflow` if it is too large.
    static func decimal(_ line: RawSpan, _ range: Range<Int>) -> (value: UInt64, overflow: Bool)? {
        guard !range.isEmpty else { return nil }
        var value: UInt64 = 0
        var overflow = false
        for offset in range {
            let octet = line.octet(offset)
            guard ASCII.isDigit(octet) else { return nil }
            let (tenfold, high) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tenfold.addingReportingOverflow(UInt64(octet - ASCII.zero))
            overflow = overflow || high || carry
            value = sum
        }
        return overflow ? (.max, true) : (value, false)
    }
}

// MARK: Commands without an address

extension CommandParser {
    private static func bare(
        _ command: Command, _ line: RawSpan, length: Int
    ) throws(CommandFault.Kind) -> Command {
        guard line.byteCount == length else { throw .unexpectedArgument }
        return command
    }

    private static func heloName(_ line: RawSpan) throws(CommandFault.Kind) -> HeloName {
        let start = skipSpaces(line, from: 4)
        guard start < line.byteCount else { throw .missingArgument }
        guard let name = HeloName(line.copy(start..<line.byteCount)) else { throw .syntax }
        return name
    }

    /// `BDAT SP digits [SP LAST]` and nothing else: a reading that differs from the client's loses the payload's bounds.
    private static func chunk(_ line: RawSpan) throws(CommandFault.Kind) -> Command {
        let end = wordEnd(line, from: 5)
        guard end > 5, let size = decimal(line, 5..<end), !size.overflow else { throw .badChunkSize }
        if end == line.byteCount { return .bdat(size: size.value, last: false) }
        guard line.hasPrefix("last", at: end + 1), line.byteCount == end + 5 else { throw .badChunkSize }
        return .bdat(size: size.value, last: true)
    }

    private static func authCommand(_ line: RawSpan) throws(CommandFault.Kind) -> AuthCommand {
        let start = skipSpaces(line, from: 4)
        guard start < line.byteCount else { throw .missingArgument }
        let end = wordEnd(line, from: start)
        let name = line.copy(start..<end).map(ASCII.uppercased)
        guard name.count <= 20, name.allSatisfy(isMechanismText) else { throw .syntax }
        let begin = skipSpaces(line, from: end)
        guard begin < line.byteCount else { return AuthCommand(mechanismName: name, initialResponse: .none) }
        return AuthCommand(mechanismName: name, initialResponse: try initialResponse(line, from: begin))
    }

    private static func initialResponse(
        _ line: RawSpan, from start: Int
    ) throws(CommandFault.Kind) -> InitialResponse {
        guard wordEnd(line, from: start) == line.byteCount else { throw .unexpectedArgument }
        let text = line.copy(start..<line.byteCount)
        if text == [ASCII.equals] { return .empty }
        guard Base64.decode(text) != nil else { throw .badBase64 }
        return .base64(text)
    }

    /// RFC 4422 3.1.
    private static func isMechanismText(_ octet: UInt8) -> Bool {
        ASCII.isLetter(octet) || ASCII.isDigit(octet) || octet == ASCII.hyphen || octet == 0x5F
    }
}
