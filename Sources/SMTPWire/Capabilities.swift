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

    /// The attribute with this keyword in lower case; empty for an unknown one.
    init(keyword: String) {
        switch keyword {
        case "name": self = .name
        case "addr": self = .addr
        case "port": self = .port
        case "proto": self = .proto
        case "helo": self = .helo
        case "login": self = .login
        case "reverse_name": self = .reverseName
        case "destaddr": self = .destAddr
        case "destport": self = .destPort
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
        for line in reply.lines.dropFirst() { add(line) }
    }
}

extension Capabilities {
    private mutating func add(_ line: [UInt8]) {
        // Some servers repeat AUTH in a form older than RFC 2554: `AUTH=PLAIN LOGIN`.
        var words = line.split(separator: ASCII.space).map(Array.init)
        guard let first = words.first else { return }
        if first.starts(with: Array("AUTH=".utf8)) {
            words = [Array("AUTH".utf8), Array(first.dropFirst(5))] + words.dropFirst()
        }
        set(Self.lowercased(words[0]), parameters: words.dropFirst())
    }

    private mutating func set(_ keyword: String, parameters: ArraySlice<[UInt8]>) {
        switch keyword {
        case "pipelining": pipelining = true
        case "size": size = Self.size(parameters.first)
        case "8bitmime": eightBitMIME = true
        case "binarymime": binaryMIME = true
        case "chunking": chunking = true
        case "smtputf8": smtputf8 = true
        case "dsn": dsn = true
        case "enhancedstatuscodes": enhancedStatusCodes = true
        case "requiretls": requireTLS = true
        case "starttls": starttls = true
        case "auth": for name in parameters { add(mechanism: name) }
        case "xclient": for name in parameters { add(attribute: name) }
        case "limits": for limit in parameters { add(limit: limit) }
        default: break
        }
        if keyword == "xclient", xclient == nil { xclient = [] }
        if keyword == "limits", limits == nil { limits = Limits() }
    }

    private mutating func add(mechanism name: [UInt8]) {
        if let mechanism = AuthMechanism(name: name) { auth.insert(AuthMechanisms(mechanism)) }
    }

    private mutating func add(attribute name: [UInt8]) {
        let attribute = XClientAttributes(keyword: Self.lowercased(name))
        xclient = (xclient ?? []).union(attribute)
    }

    private mutating func add(limit: [UInt8]) {
        let parts = limit.split(separator: ASCII.equals, maxSplits: 1, omittingEmptySubsequences: false).map(Array.init)
        guard parts.count == 2, let value = Self.number(parts[1]) else { return }
        var all = limits ?? Limits()
        switch Self.lowercased(parts[0]) {
        case "mailmax": all.mailMax = value
        case "rcptmax": all.rcptMax = value
        case "rcptdomainmax": all.rcptDomainMax = value
        default: break
        }
        limits = all
    }

    private static func size(_ parameter: [UInt8]?) -> Size {
        guard let octets = parameter.flatMap(number), octets > 0 else { return .unlimited }
        return .octets(octets)
    }

    private static func number(_ digits: [UInt8]) -> UInt64? {
        unsafe CommandParser.decimal(digits.span.bytes, 0..<digits.count)?.value
    }

    private static func lowercased(_ word: [UInt8]) -> String {
        String(decoding: word.prefix(32).map(ASCII.lowercased), as: UTF8.self)
    }
}
