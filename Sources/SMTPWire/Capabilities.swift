// What a backend offers in its reply to EHLO. Unknown keywords are not even remembered.

import Bytes

/// The attributes of XCLIENT that a backend takes.
public struct XClientAttributes: OptionSet, Equatable, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    public static let name = XClientAttributes(rawValue: 1 << 0)
    public static let addr = XClientAttributes(rawValue: 1 << 1)
    public static let port = XClientAttributes(rawValue: 1 << 2)
    public static let proto = XClientAttributes(rawValue: 1 << 3)
    public static let helo = XClientAttributes(rawValue: 1 << 4)
    public static let login = XClientAttributes(rawValue: 1 << 5)
    public static let reverseName = XClientAttributes(rawValue: 1 << 6)
    public static let destAddr = XClientAttributes(rawValue: 1 << 7)
    public static let destPort = XClientAttributes(rawValue: 1 << 8)

    /// The attribute whose keyword is `word` of `line`, in any letter case; empty for an unknown one.
    init(_ line: RawSpan, _ word: Range<Int>) {
        switch word.count {
        case 4 where line.equals("name", word): self = .name
        case 4 where line.equals("addr", word): self = .addr
        case 4 where line.equals("port", word): self = .port
        case 4 where line.equals("helo", word): self = .helo
        case 5 where line.equals("proto", word): self = .proto
        case 5 where line.equals("login", word): self = .login
        case 8 where line.equals("destaddr", word): self = .destAddr
        case 8 where line.equals("destport", word): self = .destPort
        case 12 where line.equals("reverse_name", word): self = .reverseName
        default: self = []
        }
    }
}

public struct Capabilities: Equatable, Sendable {
    /// RFC 1870.
    public enum Size: Equatable, Sendable {
        /// Offered without a number or with 0.
        case unlimited
        case octets(UInt64)
    }

    /// RFC 9422; nil: not limited.
    public struct Limits: Equatable, Sendable {
        public var mailMax: UInt64?
        public var rcptMax: UInt64?
        public var rcptDomainMax: UInt64?

        public init(mailMax: UInt64? = nil, rcptMax: UInt64? = nil, rcptDomainMax: UInt64? = nil) {
            self.mailMax = mailMax
            self.rcptMax = rcptMax
            self.rcptDomainMax = rcptDomainMax
        }
    }

    public var pipelining = false
    /// nil: SIZE is not offered.
    public var size: Size?
    public var eightBitMIME = false
    public var binaryMIME = false
    public var chunking = false
    public var smtputf8 = false
    public var dsn = false
    public var enhancedStatusCodes = false
    public var requireTLS = false
    public var starttls = false
    public var auth: AuthMechanisms = []
    /// nil: XCLIENT is not offered.
    public var xclient: XClientAttributes?
    public var limits: Limits?

    public static let none = Capabilities()

    public init() {}

    /// Reads the reply to EHLO: its first line is the greeting, every other one a keyword and parameters.
    public init(ehlo reply: Reply) {
        guard reply.isPositive else { return }
        let text = unsafe reply.text.span.bytes
        var start = 0
        while start <= text.byteCount {
            let end = OctetSearch.firstLF(text, from: start) ?? text.byteCount
            if start > 0 { add(text.extracting(start..<end)) }
            start = end + 1
        }
    }
}

// Read twice a session, so nothing is copied but names of mechanisms.
extension Capabilities {
    private mutating func add(_ line: RawSpan) {
        guard let keyword = Self.word(line, from: 0) else { return }
        // Some servers repeat AUTH in a form older than RFC 2554: `AUTH=PLAIN LOGIN`.
        if line.hasPrefix("auth=", at: keyword.lowerBound) {
            addMechanisms(line, from: keyword.lowerBound + 5)
        } else {
            set(line, keyword)
        }
    }

    private mutating func set(_ line: RawSpan, _ keyword: Range<Int>) {
        let rest = keyword.upperBound
        switch keyword.count {
        case 3 where line.equals("dsn", keyword): dsn = true
        case 4 where line.equals("size", keyword): size = Self.size(line, from: rest)
        case 4 where line.equals("auth", keyword): addMechanisms(line, from: rest)
        case 6 where line.equals("limits", keyword): addLimits(line, from: rest)
        case 7 where line.equals("xclient", keyword): addAttributes(line, from: rest)
        case 8: setLong(line, keyword)
        case 10 where line.equals("pipelining", keyword): pipelining = true
        case 10 where line.equals("binarymime", keyword): binaryMIME = true
        case 10 where line.equals("requiretls", keyword): requireTLS = true
        case 19 where line.equals("enhancedstatuscodes", keyword): enhancedStatusCodes = true
        default: break
        }
    }

    /// The keywords of eight octets, of which there are most.
    private mutating func setLong(_ line: RawSpan, _ keyword: Range<Int>) {
        if line.equals("8bitmime", keyword) {
            eightBitMIME = true
        } else if line.equals("chunking", keyword) {
            chunking = true
        } else if line.equals("smtputf8", keyword) {
            smtputf8 = true
        } else if line.equals("starttls", keyword) {
            starttls = true
        }
    }

    private mutating func addMechanisms(_ line: RawSpan, from start: Int) {
        var next = start
        while let word = Self.word(line, from: next) {
            if let mechanism = AuthMechanism(name: line.copy(word)) { auth.insert(AuthMechanisms(mechanism)) }
            next = word.upperBound
        }
    }

    private mutating func addAttributes(_ line: RawSpan, from start: Int) {
        var all = xclient ?? []
        var next = start
        while let word = Self.word(line, from: next) {
            all.formUnion(XClientAttributes(line, word))
            next = word.upperBound
        }
        xclient = all
    }

    private mutating func addLimits(_ line: RawSpan, from start: Int) {
        var all = limits ?? Limits()
        var next = start
        while let word = Self.word(line, from: next) {
            next = word.upperBound
            guard let equals = word.first(where: { line.octet($0) == ASCII.equals }),
                let value = CommandParser.decimal(line, (equals + 1)..<word.upperBound)?.value
            else { continue }
            let name = word.lowerBound..<equals
            if line.equals("mailmax", name) { all.mailMax = value }
            if line.equals("rcptmax", name) { all.rcptMax = value }
            if line.equals("rcptdomainmax", name) { all.rcptDomainMax = value }
        }
        limits = all
    }

    private static func size(_ line: RawSpan, from start: Int) -> Size {
        guard let word = word(line, from: start), let octets = CommandParser.decimal(line, word)?.value, octets > 0
        else { return .unlimited }
        return .octets(octets)
    }

    /// The next word behind spaces; nil at the end.
    private static func word(_ line: RawSpan, from start: Int) -> Range<Int>? {
        var begin = start
        while begin < line.byteCount, line.octet(begin) == ASCII.space { begin += 1 }
        var end = begin
        while end < line.byteCount, line.octet(end) != ASCII.space { end += 1 }
        return begin < end ? begin..<end : nil
    }
}

extension RawSpan {
    /// Whether the octets of `range` are `text` (ASCII in lower case), letter case aside.
    fileprivate func equals(_ text: StaticString, _ range: Range<Int>) -> Bool {
        range.count == text.utf8CodeUnitCount && hasPrefix(text, at: range.lowerBound)
    }
}
