// Commands as values: what a client said, parsed and owned, never its bytes passed through.

/// A well-formed command line.
public enum Command: Equatable, Sendable {
    case helo(HeloName)
    case ehlo(HeloName)
    case starttls
    case auth(AuthCommand)
    case mail(MailCommand)
    case rcpt(RcptCommand)
    case data
    /// RFC 3030: `size` octets of content follow the line.
    case bdat(size: UInt64, last: Bool)
    case rset
    case noop
    case quit
    case vrfy
    case expn
    case help

    public var verb: Verb {
        switch self {
        case .helo: .helo
        case .ehlo: .ehlo
        case .starttls: .starttls
        case .auth: .auth
        case .mail: .mail
        case .rcpt: .rcpt
        case .data: .data
        case .bdat: .bdat
        case .rset: .rset
        case .noop: .noop
        case .quit: .quit
        case .vrfy: .vrfy
        case .expn: .expn
        case .help: .help
        }
    }
}

/// The name a client gave itself: 1 to 255 octets of printable ASCII without space, `<`, `>`, `"` and `\`.
public struct HeloName: Equatable, Sendable {
    public let bytes: [UInt8]
    /// `[…]` (RFC 5321 4.1.3).
    public let isAddressLiteral: Bool
    /// A domain or an address literal; real clients also send names that are neither.
    public let isWellFormed: Bool

    /// nil if the name is empty, too long or has an octet that is not allowed.
    public init?(_ bytes: [UInt8]) {
        guard (1...255).contains(bytes.count), bytes.allSatisfy(Self.isAllowed) else { return nil }
        self.bytes = bytes
        isAddressLiteral = bytes.first == 0x5B && bytes.last == 0x5D
        isWellFormed = unsafe AddressGrammar.domain(bytes.span.bytes, from: 0) == bytes.count
    }

    private static func isAllowed(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x22, 0x3C, 0x3E, 0x5C: false
        default: (0x21...0x7E).contains(octet)
        }
    }
}

/// An address `local@domain` as the client wrote it, byte for byte, without its source route.
public struct Mailbox: Equatable, Hashable, Sendable {
    /// `local@domain`, or `local` alone for `<postmaster>`: one allocation, since nearly every session has some.
    public let bytes: [UInt8]
    /// Octets of the local part: at most 64, quotes among them.
    public let localCount: Int
    /// Some octet is outside ASCII, so the address needs SMTPUTF8 (RFC 6531).
    public let isInternationalized: Bool

    init(bytes: [UInt8], localCount: Int) {
        self.bytes = bytes
        self.localCount = localCount
        isInternationalized = bytes.contains { $0 >= 0x80 }
    }

    /// Quotes kept as written.
    public var local: [UInt8] { Array(bytes[..<localCount]) }
    /// At most 255 octets; empty only for `<postmaster>`.
    public var domain: [UInt8] { Array(bytes.dropFirst(localCount + 1)) }
    /// False only for `<postmaster>`.
    public var hasDomain: Bool { bytes.count > localCount }
    /// The domain is `[…]`.
    public var isDomainLiteral: Bool { bytes.dropFirst(localCount + 1).first == 0x5B }

    /// Parses `local@domain` without angle brackets; nil if it is not one.
    public init?(_ text: [UInt8]) {
        let bracketed = [0x3C] + text + [0x3E]
        guard let path = unsafe AddressGrammar.path(bracketed.span.bytes, from: 0), path.end == bracketed.count,
            !path.hadSourceRoute, let mailbox = path.mailbox
        else { return nil }
        self = mailbox
    }
}

/// RFC 6152 and 3030.
public enum BodyType: UInt8, Sendable {
    case sevenBit, eightBitMIME, binaryMIME
}

/// RFC 3461 4.3.
public enum DSNReturn: UInt8, Sendable {
    case full, hdrs
}

/// RFC 4954 5: who submitted the message first.
public enum AuthParameter: Equatable, Sendable {
    /// `AUTH=<>`.
    case empty
    /// Well-formed xtext, as written.
    case xtext([UInt8])
}

/// RFC 3461 4.1; `never` stands alone.
public struct DSNNotify: OptionSet, Equatable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    public static let never = DSNNotify(rawValue: 1)
    public static let success = DSNNotify(rawValue: 2)
    public static let failure = DSNNotify(rawValue: 4)
    public static let delay = DSNNotify(rawValue: 8)
}

public struct MailCommand: Equatable, Sendable {
    /// nil: the null reverse-path `<>`.
    public var sender: Mailbox?
    /// `@a,@b:` stood before the address; it is never passed on (RFC 5321 appendix C).
    public var hadSourceRoute = false
    /// Octets (RFC 1870).
    public var size: UInt64?
    public var body: BodyType?
    public var smtputf8 = false
    public var ret: DSNReturn?
    /// xtext as written, 1 to 100 octets.
    public var envid: [UInt8]?
    public var auth: AuthParameter?
    /// RFC 8689.
    public var requireTLS = false

    public init(sender: Mailbox?) {
        self.sender = sender
    }
}

public struct RcptCommand: Equatable, Sendable {
    public var recipient: Mailbox
    public var hadSourceRoute = false
    public var notify: DSNNotify?
    /// `type;xtext` as written, at most 500 octets.
    public var orcpt: [UInt8]?

    public init(recipient: Mailbox) {
        self.recipient = recipient
    }
}
