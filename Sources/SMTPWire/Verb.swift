// The command verbs, and the words that prove that the peer does not speak SMTP.

import Bytes

/// What the first word of a command line is.
public enum Verb: UInt8, CaseIterable, Sendable {
    case helo, ehlo, starttls, auth, mail, rcpt, data, bdat, rset, noop, quit, vrfy, expn, help
    /// A word that is no command of ours; the session goes on (RFC 5321 3.8).
    case unknown
    /// A foreign protocol: the session ends.
    case forbidden

    /// The verb in upper case, for logs.
    public var name: String {
        switch self {
        case .helo: "HELO"
        case .ehlo: "EHLO"
        case .starttls: "STARTTLS"
        case .auth: "AUTH"
        case .mail: "MAIL"
        case .rcpt: "RCPT"
        case .data: "DATA"
        case .bdat: "BDAT"
        case .rset: "RSET"
        case .noop: "NOOP"
        case .quit: "QUIT"
        case .vrfy: "VRFY"
        case .expn: "EXPN"
        case .help: "HELP"
        case .unknown: "unknown"
        case .forbidden: "forbidden"
        }
    }

    /// The same in lower case.
    public var word: String {
        switch self {
        case .helo: "helo"
        case .ehlo: "ehlo"
        case .starttls: "starttls"
        case .auth: "auth"
        case .mail: "mail"
        case .rcpt: "rcpt"
        case .data: "data"
        case .bdat: "bdat"
        case .rset: "rset"
        case .noop: "noop"
        case .quit: "quit"
        case .vrfy: "vrfy"
        case .expn: "expn"
        case .help: "help"
        case .unknown: "unknown"
        case .forbidden: "forbidden"
        }
    }
}

extension Verb {
    /// The verb whose word is the first `length` octets of `line`.
    init(_ line: RawSpan, length: Int) {
        switch length {
        case 4: self = Self.ofFourLetters(line)
        case 8 where line.hasPrefix("starttls", at: 0): self = .starttls
        default: self = .unknown
        }
        if self == .unknown, Self.isForbidden(line, length: length) { self = .forbidden }
    }

    private static func ofFourLetters(_ line: RawSpan) -> Verb {
        let word = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(ASCII.uppercased(line.octet($1))) }
        switch word {
        case 0x4845_4C4F: return .helo
        case 0x4548_4C4F: return .ehlo
        case 0x4155_5448: return .auth
        case 0x4D41_494C: return .mail
        case 0x5243_5054: return .rcpt
        case 0x4441_5441: return .data
        case 0x4244_4154: return .bdat
        case 0x5253_4554: return .rset
        case 0x4E4F_4F50: return .noop
        case 0x5155_4954: return .quit
        case 0x5652_4659: return .vrfy
        case 0x4558_504E: return .expn
        case 0x4845_4C50: return .help
        default: return .unknown
        }
    }

    /// HTTP and its relatives, SSH, PROXY, markup, and `Word:` as in a header (cross-protocol attacks, ALPACA).
    private static func isForbidden(_ line: RawSpan, length: Int) -> Bool {
        guard let first = line.peek(0) else { return false }
        if !ASCII.isLetter(first) || line.hasPrefix("ssh-", at: 0) { return true }
        if isHeaderLike(line) { return true }
        return switch length {
        case 3: startsWithAny(line, ["get", "put", "pri"])
        case 4: startsWithAny(line, ["post", "head"])
        case 5: startsWithAny(line, ["trace", "patch", "proxy"])
        case 6: startsWithAny(line, ["delete"])
        case 7: startsWithAny(line, ["options", "connect"])
        default: false
        }
    }

    private static func startsWithAny(_ line: RawSpan, _ words: [StaticString]) -> Bool {
        for word in words where line.hasPrefix(word, at: 0) { return true }
        return false
    }

    private static func isHeaderLike(_ line: RawSpan) -> Bool {
        var offset = 0
        while let octet = line.peek(offset), ASCII.isLetter(octet) || ASCII.isDigit(octet) || octet == ASCII.hyphen {
            offset += 1
        }
        return line.peek(offset) == ASCII.colon
    }
}
