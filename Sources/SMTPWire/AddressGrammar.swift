// Paths and mailboxes of RFC 5321 4.1.2, with UTF-8 (RFC 6531 3.3). Every function takes the offset where its element
// begins and returns the offset behind it, or nil.

import Bytes

/// `<mailbox>` with its route removed.
struct Path {
    /// nil: `<>`.
    let mailbox: Mailbox?
    let hadSourceRoute: Bool
    /// The offset behind `>`.
    let end: Int
}

enum AddressGrammar {
    /// RFC 5321 4.5.3.1.1.
    static let maxLocalPart = 64
    /// RFC 5321 4.5.3.1.2.
    static let maxDomain = 255
    /// RFC 1035 2.3.4; internationalized labels may be longer in UTF-8.
    static let maxLabel = 63

    static func path(_ line: RawSpan, from start: Int) -> Path? {
        guard line.peek(start) == ASCII.less else { return nil }
        if line.peek(start + 1) == ASCII.greater { return Path(mailbox: nil, hadSourceRoute: false, end: start + 2) }
        guard let begin = sourceRoute(line, from: start + 1),
            let at = localPart(line, from: begin), at - begin <= maxLocalPart,
            let end = domainPart(line, from: at), line.peek(end) == ASCII.greater
        else { return nil }
        let mailbox = Mailbox(bytes: line.copy(begin..<end), localCount: at - begin)
        guard isText(mailbox) else { return nil }
        return Path(mailbox: mailbox, hadSourceRoute: begin > start + 1, end: end + 1)
    }

    /// `@domain`, or nothing behind `postmaster` (RFC 5321 4.1.1.3).
    private static func domainPart(_ line: RawSpan, from start: Int) -> Int? {
        if line.peek(start) == ASCII.at { return domain(line, from: start + 1) }
        let isPostmaster = start >= 10 && line.hasPrefix("postmaster", at: start - 10)
        return isPostmaster && line.peek(start - 11) == ASCII.less ? start : nil
    }

    /// `@a,@b:`, or nothing.
    private static func sourceRoute(_ line: RawSpan, from start: Int) -> Int? {
        guard line.peek(start) == ASCII.at else { return start }
        var offset = start
        while line.peek(offset) == ASCII.at, let end = domain(line, from: offset + 1) {
            switch line.peek(end) {
            case ASCII.colon: return end + 1
            case ASCII.comma: offset = end + 1
            default: return nil
            }
        }
        return nil
    }

    /// UTF-8 without the control characters U+0080 to U+009F.
    private static func isText(_ mailbox: Mailbox) -> Bool {
        !mailbox.isInternationalized || UTF8Text.isPrintable(mailbox.bytes)
    }
}

// MARK: Local part

extension AddressGrammar {
    static func localPart(_ line: RawSpan, from start: Int) -> Int? {
        line.peek(start) == ASCII.quote ? quotedString(line, from: start) : dotString(line, from: start)
    }

    private static func dotString(_ line: RawSpan, from start: Int) -> Int? {
        var offset = start
        while true {
            let begin = offset
            while let octet = line.peek(offset), isAtomText(octet) { offset += 1 }
            guard offset > begin else { return nil }
            guard line.peek(offset) == ASCII.dot else { return offset }
            offset += 1
        }
    }

    private static func quotedString(_ line: RawSpan, from start: Int) -> Int? {
        var offset = start + 1
        while let octet = line.peek(offset) {
            switch octet {
            case ASCII.quote:
                return offset + 1
            case ASCII.backslash:
                guard let pair = line.peek(offset + 1), (0x20...0x7E).contains(pair) else { return nil }
                offset += 2
            case 0x20...0x7E, 0x80...0xFF:
                offset += 1
            default:
                return nil
            }
        }
        return nil
    }

    /// RFC 5322 3.2.3 and RFC 6531 3.3.
    static func isAtomText(_ octet: UInt8) -> Bool {
        if ASCII.isLetter(octet) || ASCII.isDigit(octet) || octet >= 0x80 { return true }
        switch octet {
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2F, 0x3D, 0x3F, 0x5E...0x60, 0x7B...0x7E: return true
        default: return false
        }
    }
}

// MARK: Domain

extension AddressGrammar {
    /// A domain or an address literal of at most 255 octets.
    static func domain(_ line: RawSpan, from start: Int) -> Int? {
        let end = line.peek(start) == 0x5B ? addressLiteral(line, from: start) : labels(line, from: start)
        guard let end, end - start <= maxDomain else { return nil }
        return end
    }

    private static func labels(_ line: RawSpan, from start: Int) -> Int? {
        var offset = start
        while true {
            guard let end = label(line, from: offset) else { return nil }
            guard line.peek(end) == ASCII.dot else { return end }
            offset = end + 1
        }
    }

    /// Letters, digits, inner hyphens, and underscores, which real domains have.
    private static func label(_ line: RawSpan, from start: Int) -> Int? {
        var offset = start
        var isASCII = true
        while let octet = line.peek(offset), isLabelText(octet) {
            if octet >= 0x80 { isASCII = false }
            offset += 1
        }
        guard offset > start, !isASCII || offset - start <= maxLabel else { return nil }
        guard line.peek(start) != ASCII.hyphen, line.peek(offset - 1) != ASCII.hyphen else { return nil }
        return offset
    }

    private static func isLabelText(_ octet: UInt8) -> Bool {
        ASCII.isLetter(octet) || ASCII.isDigit(octet) || octet == ASCII.hyphen || octet == 0x5F || octet >= 0x80
    }

    /// RFC 5321 4.1.3.
    private static func addressLiteral(_ line: RawSpan, from start: Int) -> Int? {
        var end = start + 1
        while let octet = line.peek(end), octet != 0x5D, end - start <= maxDomain { end += 1 }
        guard line.peek(end) == 0x5D else { return nil }
        let content = line.copy((start + 1)..<end)
        return isLiteralContent(content) ? end + 1 : nil
    }

    private static func isLiteralContent(_ content: [UInt8]) -> Bool {
        guard let colon = content.firstIndex(of: ASCII.colon) else { return IPAddress(content) != nil }
        let tag = Array(content[..<colon])
        let rest = content[(colon + 1)...]
        if tag.equalsIgnoringCase("ipv6") { return rest.contains(ASCII.colon) && IPAddress(rest) != nil }
        guard let last = tag.last, last != ASCII.hyphen, !rest.isEmpty else { return false }
        let isTag = tag.allSatisfy { ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == ASCII.hyphen }
        return isTag && rest.allSatisfy { (0x21...0x5A).contains($0) || (0x5E...0x7E).contains($0) }
    }
}
