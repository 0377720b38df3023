public import Bytes

/// Everything that rules can ask about, as it stands at one moment of a session.
///
/// A session owns one value, updates it as things become known, and lends it to evaluations.
/// What may be absent is optional; leaving a state removes its facts (a new transaction has no old recipient).
public struct Facts: Sendable {
    public var client: ClientFacts
    public var listener: ListenerFacts
    public var helo = HeloFacts()
    /// Present while the connection is inside TLS.
    public var tls: TLSFacts?
    public var auth = AuthFacts()
    /// How the account whose login holds is used; found out where a rule asks.
    public var account: AccountFacts?
    public var sender: SenderFacts?
    public var recipient: RecipientFacts?
    public var recipients = RecipientCounts()
    /// The backend's last reply code to the command in question.
    public var backendCode: UInt16?
    public var message = MessageFacts()
    public var session = SessionFacts()
    public var now = CalendarFacts()

    public init(client: ClientFacts, listener: ListenerFacts) {
        self.client = client
        self.listener = listener
    }

    /// Forgets the mail transaction (RFC 5321 4.1.1.5).
    public mutating func forgetTransaction() {
        sender = nil
        recipient = nil
        recipients = RecipientCounts()
        backendCode = nil
        message = MessageFacts()
    }

    /// Forgets all that was learnt in clear (RFC 3207 4.2).
    public mutating func forgetPlaintext() {
        forgetTransaction()
        helo = HeloFacts()
        auth.mechanism = nil
        auth.login = nil
        auth.result = nil
    }
}

public struct ClientFacts: Sendable {
    /// Where the client is, after a trusted PROXY header.
    public var endpoint: Endpoint
    /// The address that the client reached, after a trusted PROXY header.
    public var local: Endpoint
    /// The bits of the net that it counts as, in its address's own family.
    public var netBits: UInt8
    /// The net that it counts as.
    public var net: AddressPrefix { AddressPrefix(endpoint.address, bits: Int(netBits)) }
    /// A forward-confirmed host name, canonical.
    public var name: [UInt8]?
    /// The address is known from a PROXY header.
    public var isProxied = false
    /// Sent something before our greeting.
    public var talkedEarly = false
    public var protocolErrors = 0

    public init(endpoint: Endpoint, local: Endpoint) {
        self.endpoint = endpoint
        self.local = local
        netBits = endpoint.address.isV4 ? 32 : 64
    }
}

public struct ListenerFacts: Sendable {
    public var name: String
    public var port: UInt16

    public init(name: String, port: UInt16) {
        self.name = name
        self.port = port
    }
}

public struct HeloFacts: Sendable {
    /// Empty before HELO or EHLO.
    public var name: [UInt8] = []
    public var isAddressLiteral = false
    public var isExtended = false

    public init() {}
}

/// Ordered, so that rules can compare them.
public enum TLSVersion: UInt8, Comparable, Sendable {
    case tls10, tls11, tls12, tls13

    public static func < (a: TLSVersion, b: TLSVersion) -> Bool { a.rawValue < b.rawValue }

    /// As OpenSSL and Postfix write it.
    public var name: String {
        switch self {
        case .tls10: "TLSv1"
        case .tls11: "TLSv1.1"
        case .tls12: "TLSv1.2"
        case .tls13: "TLSv1.3"
        }
    }
}

/// What a handshake found out: one reference, since few of a session's facts are larger and most never change.
public struct TLSFacts: Hashable, Sendable {
    public let version: TLSVersion
    public let isResumed: Bool
    private var names: Names

    private final class Names: Sendable {
        let cipher: String
        let serverName: String?
        let clientCertificate: ClientCertificateFacts?

        init(_ cipher: String, _ serverName: String?, _ clientCertificate: ClientCertificateFacts?) {
            self.cipher = cipher
            self.serverName = serverName
            self.clientCertificate = clientCertificate
        }
    }

    public var cipher: String { names.cipher }
    public var serverName: String? { names.serverName }
    public var clientCertificate: ClientCertificateFacts? {
        get { names.clientCertificate }
        set { names = Names(cipher, serverName, newValue) }
    }

    public init(
        version: TLSVersion, cipher: String, serverName: String? = nil, isResumed: Bool = false,
        clientCertificate: ClientCertificateFacts? = nil
    ) {
        self.version = version
        self.isResumed = isResumed
        names = Names(cipher, serverName, clientCertificate)
    }

    public static func == (a: TLSFacts, b: TLSFacts) -> Bool {
        a.version == b.version && a.isResumed == b.isResumed && a.cipher == b.cipher && a.serverName == b.serverName
            && a.clientCertificate == b.clientCertificate
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(version)
        hasher.combine(isResumed)
        hasher.combine(cipher)
        hasher.combine(serverName)
        hasher.combine(clientCertificate)
    }
}

public struct ClientCertificateFacts: Hashable, Sendable {
    public var isVerified: Bool
    public var subject: String
    /// SHA-256, lower-case hex.
    public var fingerprint: String

    public init(isVerified: Bool, subject: String, fingerprint: String) {
        self.isVerified = isVerified
        self.subject = subject
        self.fingerprint = fingerprint
    }
}

/// How a login ended.
public enum AuthResult: String, Sendable {
    case ok
    case badCredentials = "bad_credentials"
    case temporary
    case cancelled
    case malformed
}

public struct AuthFacts: Sendable {
    /// The login that holds now, in the one form that names are compared in; nil without a successful AUTH.
    public var user: [UInt8]?
    /// The mechanism asked for or used.
    public var mechanism: String?
    /// The name that is tried, in the same form, from stage `login` on.
    public var login: [UInt8]?
    public var result: AuthResult?
    /// Failures of this session.
    public var failures = 0
    /// The name that is tried has logged in from this net lately.
    public var isKnownNet = false
    /// The password that failed had failed for this name before.
    public var isRepeated = false

    public init() {}
}

/// How an account is used, over all sessions; an object of its own, since few rules ask.
public final class AccountFacts: Sendable {
    public let distinctNets: Int
    public let recipients: Int
    public let rejectedPercent: Int
    public let volumePercent: Int

    public init(distinctNets: Int = 0, recipients: Int = 0, rejectedPercent: Int = 0, volumePercent: Int = 0) {
        self.distinctNets = distinctNets
        self.recipients = recipients
        self.rejectedPercent = rejectedPercent
        self.volumePercent = volumePercent
    }
}

/// What kind of content MAIL announced (RFC 6152, RFC 3030).
public enum MessageBody: String, Sendable {
    case sevenBit = "7BIT"
    case eightBit = "8BITMIME"
    case binary = "BINARYMIME"
}

public struct SenderFacts: Sendable {
    /// `local@domain`, canonical; empty for the null reverse-path.
    public let address: [UInt8]
    /// The SIZE that was declared.
    public let size: UInt64?
    public let isNull: Bool
    public let usesSMTPUTF8: Bool
    public let body: MessageBody
    /// Where in `address` the local part ends.
    let localCount: Int32

    public init(
        local: [UInt8], domain: [UInt8], size: UInt64?, isNull: Bool, usesSMTPUTF8: Bool,
        body: MessageBody = .sevenBit
    ) {
        address = isNull ? [] : local + [ASCII.at] + domain
        localCount = isNull ? 0 : Int32(clamping: local.count)
        self.size = size
        self.isNull = isNull
        self.usesSMTPUTF8 = usesSMTPUTF8
        self.body = body
    }

    /// Of an address as it was parsed; nil is the null reverse-path.
    public init(
        parsed address: (bytes: [UInt8], localCount: Int)?, size: UInt64?, usesSMTPUTF8: Bool, body: MessageBody
    ) {
        self.address = address.map { CanonicalName.address(parsed: $0.bytes, localCount: $0.localCount) } ?? []
        localCount = Int32(clamping: self.address.lastIndex(of: ASCII.at) ?? 0)
        self.size = size
        isNull = address == nil
        self.usesSMTPUTF8 = usesSMTPUTF8
        self.body = body
    }

    /// Empty for the null reverse-path, as is `domain`.
    public var local: [UInt8] { Array(address[..<Int(localCount)]) }
    public var domain: [UInt8] { Array(address.dropFirst(Int(localCount) + 1)) }
}

public struct RecipientFacts: Sendable {
    /// `local@domain`, canonical, or the local part alone for `<postmaster>`.
    public let address: [UInt8]
    /// Where in `address` the local part ends.
    let localCount: Int32
    /// `u%f@d`, `f!u@d`, `"u@f"@d` or a source route: forms that some servers route onwards.
    public let hasRouting: Bool

    public init(local: [UInt8], domain: [UInt8], hasRouting: Bool) {
        address = domain.isEmpty ? local : local + [ASCII.at] + domain
        localCount = Int32(clamping: local.count)
        self.hasRouting = hasRouting
    }

    /// Of an address as it was parsed; without a domain it is `<postmaster>`.
    public init(parsed bytes: [UInt8], localCount: Int, hasRouting: Bool) {
        address = CanonicalName.address(parsed: bytes, localCount: localCount)
        let hasDomain = localCount < bytes.count
        self.localCount = Int32(clamping: (hasDomain ? address.lastIndex(of: ASCII.at) : nil) ?? address.count)
        self.hasRouting = hasRouting
    }

    public var local: [UInt8] { Array(address[..<Int(localCount)]) }
    /// Empty for `<postmaster>`.
    public var domain: [UInt8] { Array(address.dropFirst(Int(localCount) + 1)) }
}

/// Of this transaction.
public struct RecipientCounts: Sendable {
    /// Asked for, this one included.
    public var asked = 0
    /// Refused by the backend.
    public var rejected = 0

    public init() {}
}

public struct MessageFacts: Sendable {
    /// Octets of content, dot-stuffing undone.
    public var size: UInt64 = 0
    public var hasBareLF = false
    public var hasBareCR = false
    public var hasNUL = false
    /// What was found out about the content where a rule asks about it.
    public var content: ContentFacts?

    public init() {}
}

/// An object of its own, since few sessions have one at a time.
public final class ContentFacts: Sendable {
    /// `Received:` fields of the header.
    public let receivedCount: Int
    /// Octets of the longest line, without its CRLF.
    public let lineMax: UInt64
    /// `From:` fields of the header.
    public let fromCount: Int
    /// The only mailbox of the only `From:` field, canonical.
    public let from: (address: [UInt8], domain: [UInt8])?
    /// The first `Subject:` field, unfolded, not decoded.
    public let subject: [UInt8]?

    public init(
        receivedCount: Int = 0, lineMax: UInt64 = 0, fromCount: Int = 0,
        from: (address: [UInt8], domain: [UInt8])? = nil,
        subject: [UInt8]? = nil
    ) {
        self.receivedCount = receivedCount
        self.lineMax = lineMax
        self.fromCount = fromCount
        self.from = from
        self.subject = subject
    }
}

public struct SessionFacts: Sendable {
    /// Messages that the backend took.
    public var messages = 0
    public var commands = 0
    /// Nanoseconds.
    public var age: UInt64 = 0
    /// Each once, in the order in which rules gave them.
    public var tags: [String] = []

    public init() {}
}

/// The time of day where the process runs; its owner renews it once a second.
public struct CalendarFacts: Hashable, Sendable {
    /// Days since 1970-01-01.
    public var day: Int32
    /// 0...23.
    public var hour: UInt8
    /// 1 (Monday) to 7 (Sunday).
    public var weekday: UInt8

    public init(day: Int32 = 0, hour: UInt8 = 0, weekday: UInt8 = 4) {
        self.day = day
        self.hour = hour
        self.weekday = weekday
    }
}
