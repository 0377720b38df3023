public import Policy
public import SMTPWire

/// One row a verb: what must hold before, which stage of the policy is asked, and how it orders with its neighbours.
///
/// What happens after an accepting decision stands in Enforcement, one case a command. Nothing skips the middle step.
public struct CommandRow: Sendable {
    public let stage: Stage?
    /// Waits until every earlier command is answered.
    public let isBarrier: Bool
    /// Counts against `max_junk`: it moves no mail.
    public let isJunk: Bool

    /// The row of `command`.
    public static func row(for command: Command) -> CommandRow {
        switch command {
        case .helo, .ehlo: CommandRow(stage: .helo, isBarrier: true, isJunk: false)
        case .starttls: CommandRow(stage: .starttls, isBarrier: true, isJunk: false)
        case .auth: CommandRow(stage: .auth, isBarrier: true, isJunk: false)
        case .mail: CommandRow(stage: .mail, isBarrier: false, isJunk: false)
        case .rcpt: CommandRow(stage: .rcpt, isBarrier: false, isJunk: false)
        case .data, .bdat: CommandRow(stage: .data, isBarrier: true, isJunk: false)
        case .rset: CommandRow(stage: nil, isBarrier: true, isJunk: true)
        case .noop, .vrfy, .expn, .help: CommandRow(stage: nil, isBarrier: false, isJunk: true)
        case .quit: CommandRow(stage: nil, isBarrier: true, isJunk: false)
        }
    }
}

/// What the order of commands depends on besides the machine's own state.
public struct SessionRules: Sendable {
    /// The listener can start TLS.
    public var offersSTARTTLS: Bool
    /// The backend is somebody who can judge a login.
    public var offersAUTH: Bool
    public var offersCHUNKING: Bool
    /// Octets; 0 is unlimited.
    public var maxMessageSize: UInt64
    public var maxRecipients: Int

    public init(
        offersSTARTTLS: Bool, offersAUTH: Bool, offersCHUNKING: Bool, maxMessageSize: UInt64, maxRecipients: Int
    ) {
        self.offersSTARTTLS = offersSTARTTLS
        self.offersAUTH = offersAUTH
        self.offersCHUNKING = offersCHUNKING
        self.maxMessageSize = maxMessageSize
        self.maxRecipients = maxRecipients
    }
}

// MARK: Check: is the command in order?

extension ClientMachine {
    /// The reply to a command that is out of order or impossible here; nil when the policy may be asked.
    public func refusal(of command: Command, rules: SessionRules) -> Reply? {
        switch command {
        case .helo, .ehlo, .noop, .vrfy, .help, .quit, .rset: nil
        case .expn: Replies.notImplemented
        case .starttls: startTLSRefusal(rules)
        case .auth: authRefusal(rules)
        case .mail(let mail): mailRefusal(mail, rules)
        case .rcpt(let rcpt): rcptRefusal(rcpt, rules)
        case .data: dataRefusal
        case .bdat(let size, let last): chunkRefusal(size: size, last: last, rules)
        }
    }

    private func startTLSRefusal(_ rules: SessionRules) -> Reply? {
        if security.isTLS { return Replies.tlsAlreadyActive }
        return rules.offersSTARTTLS ? nil : Replies.startTLSNotOffered
    }

    private func authRefusal(_ rules: SessionRules) -> Reply? {
        guard let greeting, greeting.isExtended else { return Replies.sendEHLOFirst }
        if greeting.login != nil { return Replies.alreadyAuthenticated }
        if transaction != nil { return Replies.authInTransaction }
        return rules.offersAUTH ? nil : Replies.authNotEnabled
    }

    private func mailRefusal(_ mail: MailCommand, _ rules: SessionRules) -> Reply? {
        guard let greeting else { return Replies.sendHELOFirst }
        if transaction != nil { return Replies.nestedMAIL }
        if rules.maxMessageSize > 0, let size = mail.size, size > rules.maxMessageSize {
            return Replies.messageTooBig
        }
        return rules.refusal(of: mail, isExtended: greeting.isExtended, isTLS: security.isTLS)
    }

    private func rcptRefusal(_ rcpt: RcptCommand, _ rules: SessionRules) -> Reply? {
        guard let transaction else { return Replies.needMAIL }
        if transaction.content != nil { return Replies.contentStarted }
        if rcpt.recipient.isInternationalized, !transaction.mail.smtputf8 { return Replies.needsSMTPUTF8 }
        return transaction.recipientsAsked >= rules.maxRecipients ? Replies.tooManyRecipients : nil
    }

    private var dataRefusal: Reply? {
        guard let transaction else { return Replies.needMAIL }
        if transaction.content != nil { return Replies.dataAfterBDAT }
        if case .lost(let reply) = transaction.relayed { return reply }
        // 503 would be for good, where a recipient may have failed for now.
        if transaction.recipientsAccepted == 0 { return transaction.fault ?? Replies.noValidRecipients }
        return transaction.mail.body == .binaryMIME ? Replies.binaryMIMENeedsBDAT : nil
    }

    private func chunkRefusal(size: UInt64, last: Bool, _ rules: SessionRules) -> Reply? {
        if !rules.offersCHUNKING { return Replies.chunkingNotOffered }
        guard let transaction else { return Replies.needMAIL }
        if case .lost(let reply) = transaction.relayed { return reply }
        if transaction.recipientsAccepted == 0 { return transaction.fault ?? Replies.noValidRecipients }
        if size == 0, !last { return Replies.emptyChunk }
        let (total, overflow) = (transaction.content?.size ?? 0).addingReportingOverflow(size)
        if overflow || rules.maxMessageSize > 0 && total > rules.maxMessageSize { return Replies.messageTooBig }
        return nil
    }
}
