// A field's value by its type, read from borrowed facts. nil is an absent value.

import Bytes

extension Facts {
    /// The value of a field of type bool; an absent one is nil.
    func flag(_ field: Field) -> Bool? {
        switch field {
        case .clientTalkedEarly: client.talkedEarly
        case .heloIsIPLiteral: helo.isAddressLiteral
        case .tlsActive: tls != nil
        case .tlsResumed: tls?.isResumed
        case .clientCertVerified: tls?.clientCertificate?.isVerified ?? false
        case .authOK: auth.user != nil
        case .authKnownNet: auth.isKnownNet
        case .authRepeated: auth.isRepeated
        case .senderIsNull: sender?.isNull
        case .senderSMTPUTF8: sender?.usesSMTPUTF8
        case .rcptHasRouting: recipient?.hasRouting
        case .messageHasBareLF: message.hasBareLF
        case .messageHasBareCR: message.hasBareCR
        case .messageHasNUL: message.hasNUL
        case _: nil
        }
    }

    /// The value of a field of an ordered type: int, duration (nanoseconds), size (octets) or TLS version.
    func number(_ field: Field) -> Int64? {
        switch field {
        case .clientPort: Int64(client.endpoint.port)
        case .clientProtocolErrors: Int64(client.protocolErrors)
        case .listenerPort: Int64(listener.port)
        case .tlsVersion: (tls?.version.rawValue).map { Int64($0) }
        case .authFailures: Int64(auth.failures)
        case .authDistinctNets: Int64(account?.distinctNets ?? 0)
        case .authRecipients: Int64(account?.recipients ?? 0)
        case .authRejectedPercent: Int64(account?.rejectedPercent ?? 0)
        case .authVolumePercent: Int64(account?.volumePercent ?? 0)
        case .senderSize: (sender?.size).map { Int64(clamping: $0) }
        case .rcptCount: Int64(recipients.asked)
        case .rcptRejected: Int64(recipients.rejected)
        case .backendCode: Int64(backendCode ?? 0)
        case .messageSize: Int64(clamping: message.size)
        case .messageReceivedCount: Int64(message.content?.receivedCount ?? 0)
        case .messageLineMax: Int64(clamping: message.content?.lineMax ?? 0)
        case .fromHeaderCount: Int64(message.content?.fromCount ?? 0)
        case .sessionMessages: Int64(session.messages)
        case .sessionCommands: Int64(session.commands)
        case .sessionAge: Int64(clamping: session.age)
        case .nowHour: Int64(now.hour)
        case .nowWeekday: Int64(now.weekday)
        case _: nil
        }
    }

    /// Lends the text of a field to `body`; nil if the field is absent or no text.
    @inline(__always)
    func withText<Result>(_ field: Field, _ body: (Span<UInt8>) -> Result) -> Result? {
        switch field {
        case .clientName: client.name.map { body($0.span) }
        case .listenerName: body(listener.name.utf8.span)
        case .heloName: body(helo.name.span)
        case .tlsCipher: tls.map { body($0.cipher.utf8.span) }
        case .tlsSNI: (tls?.serverName).map { body($0.utf8.span) }
        case .clientCertSubject: verifiedCertificate.map { body($0.subject.utf8.span) }
        case .clientCertFingerprint: verifiedCertificate.map { body($0.fingerprint.utf8.span) }
        case .authUser: auth.user.map { body($0.span) }
        case .authDomain: auth.user.map { body($0.span.extracting(Self.domainStart($0)..<$0.count)) }
        case .authMechanism: auth.mechanism.map { body($0.utf8.span) }
        case .authLogin: Self.lend(auth.login ?? [], body)
        case .authResult: auth.result.map { body($0.rawValue.utf8.span) }
        case .senderAddress: sender.map { body($0.address.span) }
        case .senderLocal: sender.map { body(Self.local($0.address.span, $0.localCount)) }
        case .senderDomain: sender.map { body(Self.domain($0.address.span, $0.localCount)) }
        case .senderBody: sender.map { body($0.body.rawValue.utf8.span) }
        case .rcptAddress: recipient.map { body($0.address.span) }
        case .rcptLocal: recipient.map { body(Self.local($0.address.span, $0.localCount)) }
        case .rcptDomain: recipient.map { body(Self.domain($0.address.span, $0.localCount)) }
        case .fromHeaderAddress: (message.content?.from).map { body($0.address.span) }
        case .fromHeaderDomain: (message.content?.from).map { body($0.domain.span) }
        case .messageSubject: (message.content?.subject).map { body($0.span) }
        case _: nil
        }
    }

    @_lifetime(copy address)
    private static func local(_ address: Span<UInt8>, _ count: Int32) -> Span<UInt8> {
        address.extracting(first: Int(count))
    }

    /// What stands behind the local part and its `@`.
    @_lifetime(copy address)
    private static func domain(_ address: Span<UInt8>, _ localCount: Int32) -> Span<UInt8> {
        address.extracting(min(Int(localCount) + 1, address.count)..<address.count)
    }

    private static func lend<Result>(_ text: [UInt8], _ body: (Span<UInt8>) -> Result) -> Result {
        body(text.span)
    }

    private var verifiedCertificate: ClientCertificateFacts? {
        guard let certificate = tls?.clientCertificate, certificate.isVerified else { return nil }
        return certificate
    }

    /// Where the part behind the last `@` begins; at the end without one.
    private static func domainStart(_ name: [UInt8]) -> Int {
        name.lastIndex(of: ASCII.at).map { $0 + 1 } ?? name.count
    }
}

extension Field {
    /// Whether the field has a value now.
    public func isPresent(in facts: borrowing Facts) -> Bool {
        switch type {
        case .bool: facts.flag(self) != nil
        case .int, .duration, .size, .tlsVersion: facts.number(self) != nil
        case .text: facts.withText(self) { _ in } != nil
        case .ip, .cidr, .words: true
        case .rate: false
        }
    }

    /// The value as replies, keys and explanations write it; nil if absent.
    public func text(in facts: borrowing Facts) -> [UInt8]? {
        switch type {
        case .bool: facts.flag(self).map { Array(($0 ? "true" : "false").utf8) }
        case .int, .size: facts.number(self).map { Array(String($0).utf8) }
        case .duration: facts.number(self).map { Array(DurationText.rounded(up: UInt64(clamping: $0)).utf8) }
        case .tlsVersion: facts.tls.map { Array($0.version.literal.utf8) }
        case .text: facts.withText(self) { text in text.indices.map { text[$0] } }
        case .ip: Array(facts.client.endpoint.address.description.utf8)
        case .cidr: Array(facts.client.net.description.utf8)
        case .words: Array(facts.session.tags.joined(separator: " ").utf8)
        case .rate: nil
        }
    }
}

extension TLSVersion {
    /// As policies write it.
    public var literal: String {
        switch self {
        case .tls10: "TLS1.0"
        case .tls11: "TLS1.1"
        case .tls12: "TLS1.2"
        case .tls13: "TLS1.3"
        }
    }
}
