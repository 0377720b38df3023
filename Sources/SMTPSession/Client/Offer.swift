public import SMTPWire

/// What all servers of a backend have in common, as the last probes found it.
///
/// nil capabilities: no probe succeeded yet, so only what needs no backend is offered.
public struct BackendOffer: Equatable, Sendable {
    public let capabilities: Capabilities?

    public init(capabilities: Capabilities?) {
        self.capabilities = capabilities
    }
}

/// What a client is offered in reply to EHLO, and so what its commands may use.
///
/// STARTTLS, PIPELINING, ENHANCEDSTATUSCODES and CHUNKING are ours alone; SIZE and LIMITS are the smaller of ours and
/// the backend's; everything else needs the backend too.
public struct Offer: Sendable {
    let rules: SessionRules
    let backend: Capabilities?
    let isTLS: Bool
    /// The policy would let AUTH pass, and the backend judges logins.
    let mayAuthenticate: Bool
    /// 0: no limit of ours is told.
    let maxMessages: Int

    public init(
        rules: SessionRules, backend: BackendOffer, isTLS: Bool, mayAuthenticate: Bool, maxMessages: Int
    ) {
        self.rules = rules
        self.backend = backend.capabilities
        self.isTLS = isTLS
        self.mayAuthenticate = mayAuthenticate
        self.maxMessages = maxMessages
    }

    /// The mechanisms that are offered; before a probe succeeded none is.
    public var mechanisms: AuthMechanisms {
        mayAuthenticate ? backend?.auth ?? [] : []
    }

    /// The keyword lines of the EHLO reply, in the order that Postfix users know.
    public func keywords() -> [[UInt8]] {
        var lines: [[UInt8]] = [Array("PIPELINING".utf8), sizeLine]
        if rules.offersSTARTTLS, !isTLS { lines.append(Array("STARTTLS".utf8)) }
        if !mechanisms.isEmpty {
            let names = mechanisms.mechanisms.map { "\($0.name)" }
            lines.append(Array("AUTH \(names.joined(separator: " "))".utf8))
        }
        lines.append(Array("ENHANCEDSTATUSCODES".utf8))
        if let backend { lines += shared(with: backend) }
        if rules.offersCHUNKING { lines.append(Array("CHUNKING".utf8)) }
        lines.append(limitsLine)
        return lines
    }

    private func shared(with backend: Capabilities) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        func offer(_ keyword: String, if offered: Bool) {
            if offered { lines.append(Array(keyword.utf8)) }
        }
        offer("8BITMIME", if: backend.eightBitMIME)
        offer("DSN", if: backend.dsn)
        offer("SMTPUTF8", if: backend.smtputf8)
        offer("BINARYMIME", if: backend.binaryMIME && backend.chunking && rules.offersCHUNKING)
        // RFC 8689 4.2.1: only inside TLS.
        offer("REQUIRETLS", if: backend.requireTLS && isTLS)
        return lines
    }

    private var sizeLine: [UInt8] {
        let ours = rules.maxMessageSize
        let size =
            switch backend?.size {
            case .octets(let theirs): ours == 0 ? theirs : min(ours, theirs)
            case .unlimited, nil: ours
            }
        return Array((size == 0 ? "SIZE" : "SIZE \(size)").utf8)
    }

    /// RFC 9422; the smaller of both sides.
    private var limitsLine: [UInt8] {
        let theirs = backend?.limits
        let rcptMax = min(UInt64(rules.maxRecipients), theirs?.rcptMax ?? .max)
        let mailMax = min(UInt64(maxMessages), theirs?.mailMax ?? .max)
        return Array("LIMITS MAILMAX=\(mailMax) RCPTMAX=\(rcptMax)".utf8)
    }

    /// What the live backend lacks of what a transaction uses: 550 5.6.7 for SMTPUTF8, 451 for the rest.
    public static func refusal(of mail: MailCommand, by live: Capabilities) -> Reply? {
        if mail.smtputf8, !live.smtputf8 { return Replies.backendLacksSMTPUTF8 }
        if mail.body == .binaryMIME, !(live.binaryMIME && live.chunking) { return Replies.backendLacksExtension }
        if mail.body == .eightBitMIME, !live.eightBitMIME { return Replies.backendLacksExtension }
        if mail.requireTLS, !live.requireTLS { return Replies.backendLacksExtension }
        if mail.ret != nil || mail.envid != nil, !live.dsn { return Replies.backendLacksExtension }
        return nil
    }

    /// The same for a recipient.
    public static func refusal(of rcpt: RcptCommand, by live: Capabilities) -> Reply? {
        (rcpt.notify != nil || rcpt.orcpt != nil) && !live.dsn ? Replies.backendLacksExtension : nil
    }
}

extension SessionRules {
    /// The reply to a MAIL that uses what was not offered.
    ///
    /// Before the first probe nothing of the backend's is known, so the live backend judges when the recipient goes to it.
    func refusal(of mail: MailCommand, isExtended: Bool, isTLS: Bool) -> Reply? {
        if mail.usesExtensions, !isExtended { return Replies.parameterNotRecognized }
        if mail.requireTLS, !isTLS { return Replies.parameterNotRecognized }
        if mail.body == .binaryMIME, !offersCHUNKING { return Replies.parameterNotRecognized }
        return nil
    }
}

extension MailCommand {
    /// Whether any parameter was given; a client that said HELO may give none (RFC 5321 2.2.1).
    var usesExtensions: Bool {
        size != nil || body != nil || smtputf8 || ret != nil || envid != nil || auth != nil || requireTLS
    }
}
