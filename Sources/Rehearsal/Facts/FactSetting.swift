internal import Bytes
internal import Policy
internal import PolicyLanguage

/// Turns the facts that a test gives into what rules see.
///
/// `rcpt.address` and `sender.address` imply their parts, `client.ip` implies `client.net`. What is not given is absent,
/// a boolean is false, and what always has a value is empty, 0 or, for the client, 192.0.2.1.
struct FactSetting {
    private(set) var facts: Facts
    private let values: [Field: GivenFact]
    private let realm: [UInt8]?

    init(_ given: [GivenFact], listener: ListenerFacts? = nil, realm: String?) {
        values = Dictionary(given.map { ($0.field, $0) }) { _, last in last }
        self.realm = realm.map { Array($0.utf8) }
        let address = values[.clientIP].flatMap { IPAddress($0.value) } ?? IPAddress(v4: 0xC000_0201)
        let port = values[.clientPort].flatMap { UInt16($0.value) } ?? 0
        var client = ClientFacts(
            endpoint: Endpoint(address: address, port: port),
            local: Endpoint(address: IPAddress(v4: 0x7F00_0001), port: 0))
        if let net = values[.clientNet].flatMap({ AddressPrefix($0.value) }) {
            client.netBits = UInt8(clamping: net.length)
        }
        let name = values[.listenerName]?.value ?? listener?.name ?? "test"
        let own = values[.listenerPort].flatMap { UInt16($0.value) } ?? listener?.port ?? 25
        facts = Facts(client: client, listener: ListenerFacts(name: name, port: own))
        setConnection()
        setLogin()
        setEnvelope()
        setMessage()
        setSession()
    }

    // MARK: Reading

    private func flag(_ field: Field) -> Bool { values[field]?.value == "true" }

    private func text(_ field: Field) -> [UInt8]? {
        guard let value = values[field]?.value, case .text(let form) = field.type else { return nil }
        return form.canonical(Array(value.utf8), realm: realm)
    }

    private func number(_ field: Field) -> UInt64? {
        guard let value = values[field]?.value else { return nil }
        return Units.number(value) ?? Units.size(value) ?? Units.duration(value)
    }

    /// Why a value does not fit its field; nil if it does.
    static func problem(_ fact: GivenFact) -> String? {
        let value = fact.value
        let fits =
            switch fact.field.type {
            case .bool: value == "true" || value == "false"
            case .int: Units.number(value) != nil
            case .ip: IPAddress(value) != nil
            case .cidr: AddressPrefix(value) != nil
            case .duration: Units.duration(value) != nil
            case .size: Units.size(value) != nil || Units.number(value) != nil
            case .tlsVersion: version(value) != nil
            case .text where fact.field == .authResult: AuthResult(rawValue: value) != nil
            case .text where fact.field == .senderBody: MessageBody(rawValue: value) != nil
            case .text, .words: true
            case .rate: false
            }
        return fits ? nil : "'\(value)' is no \(fact.field.type.name), which '\(fact.field.path)' is"
    }

    private static func version(_ text: String) -> TLSVersion? {
        switch text {
        case "TLS1.0": .tls10
        case "TLS1.1": .tls11
        case "TLS1.2": .tls12
        case "TLS1.3": .tls13
        case _: nil
        }
    }

    // MARK: Setting

    private mutating func setConnection() {
        facts.client.name = text(.clientName)
        facts.client.talkedEarly = flag(.clientTalkedEarly)
        facts.client.protocolErrors = Int(clamping: number(.clientProtocolErrors) ?? 0)
        facts.helo.name = text(.heloName) ?? []
        facts.helo.isAddressLiteral = flag(.heloIsIPLiteral)
        guard flag(.tlsActive) else { return }
        var tls = TLSFacts(
            version: values[.tlsVersion].flatMap { Self.version($0.value) } ?? .tls13,
            cipher: values[.tlsCipher]?.value ?? "TLS_AES_128_GCM_SHA256", serverName: values[.tlsSNI]?.value,
            isResumed: flag(.tlsResumed))
        if flag(.clientCertVerified) {
            tls.clientCertificate = ClientCertificateFacts(
                isVerified: true, subject: values[.clientCertSubject]?.value ?? "",
                fingerprint: values[.clientCertFingerprint]?.value ?? "")
        }
        facts.tls = tls
    }

    private mutating func setLogin() {
        if flag(.authOK) {
            let domain = values[.authDomain].map { "user@" + $0.value }
            let fallback = CanonicalName.login(Array((domain ?? "user").utf8), realm: realm)
            facts.auth.user = text(.authUser) ?? fallback
        }
        facts.auth.mechanism = values[.authMechanism]?.value ?? (flag(.authOK) ? "PLAIN" : nil)
        facts.auth.login = text(.authLogin)
        facts.auth.result = values[.authResult].flatMap { AuthResult(rawValue: $0.value) }
        facts.auth.failures = Int(clamping: number(.authFailures) ?? 0)
        facts.auth.isKnownNet = flag(.authKnownNet)
        facts.auth.isRepeated = flag(.authRepeated)
        facts.account = AccountFacts(
            distinctNets: Int(clamping: number(.authDistinctNets) ?? 0),
            recipients: Int(clamping: number(.authRecipients) ?? 0),
            rejectedPercent: Int(clamping: number(.authRejectedPercent) ?? 0),
            volumePercent: Int(clamping: number(.authVolumePercent) ?? 0))
    }

    private mutating func setEnvelope() {
        let sender = mailbox(.senderAddress, .senderLocal, .senderDomain)
        let isNull = flag(.senderIsNull) || (sender.local.isEmpty && sender.domain.isEmpty)
        facts.sender = SenderFacts(
            local: isNull ? [] : sender.local, domain: isNull ? [] : sender.domain, size: number(.senderSize),
            isNull: isNull, usesSMTPUTF8: flag(.senderSMTPUTF8),
            body: values[.senderBody].flatMap { MessageBody(rawValue: $0.value) } ?? .sevenBit)
        let rcpt = mailbox(.rcptAddress, .rcptLocal, .rcptDomain)
        facts.recipient = RecipientFacts(local: rcpt.local, domain: rcpt.domain, hasRouting: flag(.rcptHasRouting))
        facts.recipients.asked = Int(clamping: number(.rcptCount) ?? 1)
        facts.recipients.rejected = Int(clamping: number(.rcptRejected) ?? 0)
        facts.backendCode = number(.backendCode).flatMap { UInt16(exactly: $0) }
    }

    /// Of an address and its parts, what is given; a part on its own goes before.
    private func mailbox(_ whole: Field, _ local: Field, _ domain: Field) -> (local: [UInt8], domain: [UInt8]) {
        var parts: (local: [UInt8], domain: [UInt8]) = ([], [])
        if let address = text(whole) {
            if let at = address.lastIndex(of: UInt8(ascii: "@")) {
                parts = (Array(address[..<at]), Array(address[(at + 1)...]))
            } else {
                parts.local = address
            }
        }
        return (text(local) ?? parts.local, text(domain) ?? parts.domain)
    }

    private mutating func setMessage() {
        facts.message.size = number(.messageSize) ?? 0
        facts.message.hasBareLF = flag(.messageHasBareLF)
        facts.message.hasBareCR = flag(.messageHasBareCR)
        facts.message.hasNUL = flag(.messageHasNUL)
        var from: (address: [UInt8], domain: [UInt8])?
        let address = text(.fromHeaderAddress)
        let domain = text(.fromHeaderDomain)
        if address != nil || domain != nil {
            let at = address?.lastIndex(of: UInt8(ascii: "@"))
            let own = at.flatMap { at in address.map { Array($0[(at + 1)...]) } } ?? []
            from = (address ?? Array("user@".utf8) + (domain ?? []), domain ?? own)
        }
        facts.message.content = ContentFacts(
            receivedCount: Int(clamping: number(.messageReceivedCount) ?? 0), lineMax: number(.messageLineMax) ?? 0,
            fromCount: Int(clamping: number(.fromHeaderCount) ?? (from == nil ? 0 : 1)), from: from,
            subject: values[.messageSubject].map { Array($0.value.utf8) })
    }

    private mutating func setSession() {
        facts.session.messages = Int(clamping: number(.sessionMessages) ?? 0)
        facts.session.commands = Int(clamping: number(.sessionCommands) ?? 0)
        facts.session.age = number(.sessionAge) ?? 0
        facts.session.tags = values[.sessionTags]?.values ?? []
        facts.now = CalendarFacts(
            day: Int32(clamping: Day.today.number), hour: UInt8(clamping: number(.nowHour) ?? 12),
            weekday: UInt8(clamping: number(.nowWeekday) ?? 3))
    }
}
