// MAIL and RCPT: a path in angle brackets, then parameters, each known and each once (RFC 5321 4.1.1.2, 4.1.1.3).

import Bytes

extension CommandParser {
    static func mailCommand(_ line: RawSpan) throws(CommandFault.Kind) -> MailCommand {
        let path = try path(line, keyword: "from:")
        // RFC 5321 4.1.1.2: only RCPT may name postmaster without a domain.
        if let sender = path.mailbox, !sender.hasDomain { throw .badAddress }
        var command = MailCommand(sender: path.mailbox)
        command.hadSourceRoute = path.hadSourceRoute
        var seen: UInt8 = 0
        var offset = path.end
        while let parameter = try nextParameter(line, from: offset) {
            guard let known = MailParameter(line, parameter.keyword) else { throw .unknownParameter }
            if seen & known.bit != 0 { throw .duplicateParameter }
            seen |= known.bit
            try command.set(known, to: parameter.value.map { line.copy($0) })
            offset = parameter.end
        }
        if command.sender?.isInternationalized == true, !command.smtputf8 { throw .needsSMTPUTF8 }
        return command
    }

    static func rcptCommand(_ line: RawSpan) throws(CommandFault.Kind) -> RcptCommand {
        let path = try path(line, keyword: "to:")
        guard let recipient = path.mailbox else { throw .badAddress }
        var command = RcptCommand(recipient: recipient)
        command.hadSourceRoute = path.hadSourceRoute
        var offset = path.end
        while let parameter = try nextParameter(line, from: offset) {
            try command.set(line.copy(parameter.keyword), to: parameter.value.map { line.copy($0) })
            offset = parameter.end
        }
        return command
    }

    /// `MAIL FROM:<…>` or `RCPT TO:<…>`; spaces are tolerated before and behind the keyword.
    private static func path(_ line: RawSpan, keyword: StaticString) throws(CommandFault.Kind) -> Path {
        let start = skipSpaces(line, from: 4)
        guard start < line.byteCount else { throw .missingArgument }
        guard line.hasPrefix(keyword, at: start) else { throw .syntax }
        let begin = skipSpaces(line, from: start + keyword.utf8CodeUnitCount)
        guard line.peek(begin) == ASCII.less else { throw begin < line.byteCount ? .syntax : .missingArgument }
        guard let path = AddressGrammar.path(line, from: begin) else { throw .badAddress }
        guard path.end == line.byteCount || line.peek(path.end) == ASCII.space else { throw .syntax }
        return path
    }
}

// MARK: Parameters

/// `keyword[=value]` (RFC 5321 4.1.2).
private struct Parameter {
    let keyword: Range<Int>
    /// nil: no `=`.
    let value: Range<Int>?
    let end: Int
}

private enum MailParameter: UInt8 {
    case size, body, smtputf8, ret, envid, auth, requireTLS

    init?(_ line: RawSpan, _ keyword: Range<Int>) {
        switch keyword.count {
        case 3 where line.hasPrefix("ret", at: keyword.lowerBound): self = .ret
        case 4 where line.hasPrefix("size", at: keyword.lowerBound): self = .size
        case 4 where line.hasPrefix("body", at: keyword.lowerBound): self = .body
        case 4 where line.hasPrefix("auth", at: keyword.lowerBound): self = .auth
        case 5 where line.hasPrefix("envid", at: keyword.lowerBound): self = .envid
        case 8 where line.hasPrefix("smtputf8", at: keyword.lowerBound): self = .smtputf8
        case 10 where line.hasPrefix("requiretls", at: keyword.lowerBound): self = .requireTLS
        default: return nil
        }
    }

    var bit: UInt8 { 1 << rawValue }
}

extension CommandParser {
    private static func nextParameter(
        _ line: RawSpan, from start: Int
    ) throws(CommandFault.Kind) -> Parameter? {
        let begin = skipSpaces(line, from: start)
        guard begin < line.byteCount else { return nil }
        let end = wordEnd(line, from: begin)
        let equals = keywordEnd(line, begin..<end)
        guard equals > begin, line.octet(begin) != ASCII.hyphen else { throw .syntax }
        if equals == end { return Parameter(keyword: begin..<end, value: nil, end: end) }
        guard line.octet(equals) == ASCII.equals else { throw .syntax }
        let value = (equals + 1)..<end
        guard !value.isEmpty, isValue(line, value) else { throw .parameterValue }
        return Parameter(keyword: begin..<equals, value: value, end: end)
    }

    private static func keywordEnd(_ line: RawSpan, _ word: Range<Int>) -> Int {
        for offset in word {
            let octet = line.octet(offset)
            guard ASCII.isLetter(octet) || ASCII.isDigit(octet) || octet == ASCII.hyphen else { return offset }
        }
        return word.upperBound
    }

    private static func isValue(_ line: RawSpan, _ range: Range<Int>) -> Bool {
        for offset in range {
            let octet = line.octet(offset)
            guard (0x21...0x7E).contains(octet), octet != ASCII.equals else { return false }
        }
        return true
    }
}

extension MailCommand {
    fileprivate mutating func set(_ parameter: MailParameter, to value: [UInt8]?) throws(CommandFault.Kind) {
        switch parameter {
        case .size: size = try Self.size(value)
        case .body: body = try Self.body(value)
        case .smtputf8: smtputf8 = try Self.flag(value)
        case .ret: ret = try Self.ret(value)
        case .envid: envid = try Self.envid(value)
        case .auth: auth = try Self.auth(value)
        case .requireTLS: requireTLS = try Self.flag(value)
        }
    }

    private static func flag(_ value: [UInt8]?) throws(CommandFault.Kind) -> Bool {
        if value != nil { throw .parameterValue }
        return true
    }

    /// RFC 1870 4: up to 20 digits.
    private static func size(_ value: [UInt8]?) throws(CommandFault.Kind) -> UInt64 {
        guard let value, let size = unsafe CommandParser.decimal(value.span.bytes, 0..<value.count) else {
            throw .parameterValue
        }
        if size.overflow || value.count > 20 { throw .sizeOverflow }
        return size.value
    }

    private static func body(_ value: [UInt8]?) throws(CommandFault.Kind) -> BodyType {
        guard let value else { throw .parameterValue }
        if value.equalsIgnoringCase("7bit") { return .sevenBit }
        if value.equalsIgnoringCase("8bitmime") { return .eightBitMIME }
        if value.equalsIgnoringCase("binarymime") { return .binaryMIME }
        throw .parameterValue
    }

    private static func ret(_ value: [UInt8]?) throws(CommandFault.Kind) -> DSNReturn {
        guard let value else { throw .parameterValue }
        if value.equalsIgnoringCase("full") { return .full }
        if value.equalsIgnoringCase("hdrs") { return .hdrs }
        throw .parameterValue
    }

    /// RFC 3461 4.4.
    private static func envid(_ value: [UInt8]?) throws(CommandFault.Kind) -> [UInt8] {
        guard let value, value.count <= 100, XText.isValid(value) else { throw .parameterValue }
        return value
    }

    private static func auth(_ value: [UInt8]?) throws(CommandFault.Kind) -> AuthParameter {
        guard let value else { throw .parameterValue }
        if value == [ASCII.less, ASCII.greater] { return .empty }
        guard XText.isValid(value) else { throw .parameterValue }
        return .xtext(value)
    }
}

extension RcptCommand {
    fileprivate mutating func set(_ keyword: [UInt8], to value: [UInt8]?) throws(CommandFault.Kind) {
        if keyword.equalsIgnoringCase("notify") {
            if notify != nil { throw .duplicateParameter }
            notify = try Self.notify(value)
        } else if keyword.equalsIgnoringCase("orcpt") {
            if orcpt != nil { throw .duplicateParameter }
            orcpt = try Self.orcpt(value)
        } else {
            throw .unknownParameter
        }
    }

    /// RFC 3461 4.1.
    private static func notify(_ value: [UInt8]?) throws(CommandFault.Kind) -> DSNNotify {
        guard let value else { throw .parameterValue }
        if value.equalsIgnoringCase("never") { return .never }
        var notify: DSNNotify = []
        for item in value.split(separator: ASCII.comma, omittingEmptySubsequences: false) {
            guard let condition = condition(Array(item)), notify.insert(condition).inserted else {
                throw .parameterValue
            }
        }
        return notify
    }

    private static func condition(_ word: [UInt8]) -> DSNNotify? {
        if word.equalsIgnoringCase("success") { return .success }
        if word.equalsIgnoringCase("failure") { return .failure }
        if word.equalsIgnoringCase("delay") { return .delay }
        return nil
    }

    /// RFC 3461 4.2: an atom that names the address type, then the address in xtext.
    private static func orcpt(_ value: [UInt8]?) throws(CommandFault.Kind) -> [UInt8] {
        guard let value, value.count <= 500, let semicolon = value.firstIndex(of: 0x3B) else { throw .parameterValue }
        let type = value[..<semicolon]
        let address = Array(value[(semicolon + 1)...])
        guard !type.isEmpty, type.allSatisfy(AddressGrammar.isAtomText), !address.isEmpty, XText.isValid(address)
        else { throw .parameterValue }
        return value
    }
}
