import Bytes
import Enforcement
import Policy
import SMTPSession

/// Listener, policy, limits and backend of a fuzzed session, all from its first octets.
struct SessionSetting {
    /// How many octets these are.
    static let size = 5

    let context: SessionContext
    /// The same with other limits, for a reload.
    let reloaded: SessionContext
    let servers: [Endpoint]
    let hasClient: Bool
    /// The client meant another server.
    let intercepted: Intercepted?
    /// The backend answers by itself, and well.
    let isObliging: Bool
    let capabilities: [String]

    var sendsProxyHeader: Bool {
        switch context.backend.identity {
        case .proxyV1, .proxyV2: true
        case .xclient, .none: false
        }
    }

    init(_ input: [UInt8]) {
        let octets = Array(input.prefix(Self.size)) + [UInt8](repeating: 0, count: Self.size)
        let peers = Int(octets[0])
        let isSubmission = peers & 1 == 1
        let intercepted = Self.pick([nil, .relay, .explain, nil], Int(octets[2] >> 5)) as Intercepted?
        self.intercepted = intercepted
        let tls =
            intercepted != nil
            ? .starttls : Self.pick([.starttls, .none, .implicit, .starttls], peers >> 1) as SessionContext.ListenerTLS
        let stranger = SessionContext.Backend(
            name: "", identity: .none, tls: .none, judgesLogins: true, realm: nil)
        let ours = SessionContext.Backend(
            name: "b", identity: Self.pick([.none, .xclient, .proxyV1, .proxyV2], peers >> 3),
            tls: Self.pick([.none, .starttls, .implicit, .none], peers >> 5), judgesLogins: isSubmission,
            realm: [0x78])
        let builtIn = isSubmission ? BuiltInPolicy.submission : .inbound
        let open = PolicyDefinition(name: "open", rules: [], otherwise: .accept)
        let policies = [intercepted == nil ? builtIn.policy(ourDomains: .domains(["example.com"])) : open]
        let backend = intercepted == nil ? ours : stranger
        func context(_ limits: ProtocolLimits) -> SessionContext {
            SessionContext(
                hostname: "mx.example", listener: ListenerFacts(name: "l", port: isSubmission ? 587 : 25), tls: tls,
                limits: limits, timeouts: Timeouts(), book: RuleBook(policies), backend: backend)
        }
        let limits = Self.limits(octets[1], octets[2])
        self.context = context(limits)
        var smaller = limits
        smaller.maxMessageSize = 100
        smaller.chunking.toggle()
        reloaded = context(smaller)
        let traits = octets[3]
        isObliging = traits & 1 == 0
        hasClient = traits & 6 != 6
        servers = (0..<(intercepted == nil ? 1 + Int(traits >> 3 & 1) : 1)).map {
            Endpoint(address: IPAddress(v4: 0x7F00_0001), port: UInt16(1000 + $0))
        }
        capabilities = Self.capabilities(octets[4])
    }

    private static func pick<T>(_ choices: [T], _ number: Int) -> T {
        choices[number % choices.count]
    }

    private static func limits(_ a: UInt8, _ b: UInt8) -> ProtocolLimits {
        var limits = ProtocolLimits()
        limits.bareNewline = pick([.reject, .normalize, .policy, .reject], Int(a))
        if a & 4 != 0 { limits.maxMessageSize = 200 }
        if a & 8 != 0 { limits.maxSizeExcess = 50 }
        if a & 16 != 0 { limits.maxRecipients = 2 }
        if a & 32 != 0 { limits.maxMessages = 1 }
        if a & 64 != 0 { limits.chunking = false }
        limits.maxErrors = a & 128 != 0 ? 3 : 50
        limits.greetWait = b & 1 != 0 ? 2_000_000_000 : 0
        limits.authFailDelay = b & 2 != 0 ? 1_000_000_000 : 0
        if b & 4 != 0 { limits.maxLine = 512 }
        if b & 8 != 0 { limits.minDataRate = 0 }
        if b & 16 != 0 { limits.maxJunk = 2 }
        return limits
    }

    private static func capabilities(_ missing: UInt8) -> [String] {
        let all = [
            "PIPELINING", "CHUNKING", "BINARYMIME", "SMTPUTF8", "AUTH PLAIN LOGIN CRAM-MD5", "DSN", "STARTTLS",
            "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT",
        ]
        let present = all.indices.filter { missing >> UInt8($0) & 1 == 0 }.map { all[$0] }
        return ["8BITMIME", "SIZE 1000000", "ENHANCEDSTATUSCODES"] + present
    }
}
