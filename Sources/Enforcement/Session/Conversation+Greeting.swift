import Bytes
import Policy
import SMTPSession
import SMTPWire

// HELO, EHLO and STARTTLS, and the facts that commands bring.

extension Conversation {
    /// AUTH is offered only where the policy would let it pass; asked without reporting or charging anything.
    var mayAuthenticate: Bool {
        hasClient && wouldAccept(.auth)
    }

    /// HELO or EHLO that the policy accepted: answered by us, or by the server that an intercepted client meant.
    mutating func hear(_ name: HeloName, isExtended: Bool) {
        guard intercepted == nil else { return passHello(name, isExtended: isExtended) }
        greeted(name, isExtended: isExtended)
        server.needsHello = true
        answer(isExtended ? offer : Reply(250, context.hostname), to: isExtended ? .ehlo : .helo)
    }

    /// A greeting holds, whoever answers it.
    mutating func greeted(_ name: HeloName, isExtended: Bool) {
        resetTransaction()
        machine.greeted(as: name, isExtended: isExtended)
        identity.helo = String(decoding: name.bytes, as: UTF8.self)
        identity.protocolName = isExtended ? "ESMTP" : "SMTP"
    }

    /// What this client is offered now.
    private var offer: Reply {
        source.ehloReplies.reply(
            context, table, isTLS: machine.security.isTLS,
            mayAuthenticate: context.backend.judgesLogins && mayAuthenticate)
    }

    /// Answers 220 and hands the connection to TLS, unless something already follows in clear.
    mutating func startTLS() {
        guard fromClient.isEmpty else { return refuseBytesBehindStartTLS() }
        answer(Replies.startTLS, to: .starttls)
        flushReplies()
        // The backend's session was told about a client in clear; a new one is told about this one.
        dropBackend()
        server.lostLogin = false
        machine.startTLS()
        reading = .paused(.handshake)
        client.since = now
        effects.append(.secureClient)
    }

    mutating func refuseBytesBehindStartTLS() {
        violation("bytes-behind-starttls")
        reportRefusal("STARTTLS", check: "bytes-behind-starttls", Replies.bytesBehindSTARTTLS)
        answer(Replies.bytesBehindSTARTTLS, to: .starttls)
        closeAfterReplies()
    }

    // MARK: Facts

    /// What a command says about itself, known before its stage is asked.
    mutating func learnFacts(of command: Command) {
        switch command {
        case .helo(let name), .ehlo(let name):
            facts.helo.name = CanonicalName.domain(name.bytes)
            facts.helo.isAddressLiteral = name.isAddressLiteral
            if case .ehlo = command { facts.helo.isExtended = true } else { facts.helo.isExtended = false }
        case .auth(let auth):
            facts.auth.mechanism = String(decoding: auth.mechanismName, as: UTF8.self)
        case .mail(let mail):
            facts.sender = SenderFacts(mail)
        case .rcpt(let rcpt):
            machine.transaction?.recipientsAsked += 1
            facts.recipients.asked += 1
            facts.recipient = RecipientFacts(rcpt)
        case .starttls, .data, .bdat, .rset, .noop, .quit, .vrfy, .expn, .help:
            break
        }
    }

    /// A refused command leaves no facts behind.
    mutating func forgetFacts(of command: Command) {
        switch command {
        case .mail: facts.sender = nil
        case .rcpt: facts.recipient = nil
        case .auth: facts.auth.mechanism = nil
        case .helo, .ehlo:
            facts.helo = machine.greeting.map(HeloFacts.init) ?? HeloFacts()
        case .starttls, .data, .bdat, .rset, .noop, .quit, .vrfy, .expn, .help: break
        }
    }
}

extension HeloFacts {
    init(_ greeting: ClientMachine.Greeting) {
        self.init()
        name = CanonicalName.domain(greeting.name.bytes)
        isAddressLiteral = greeting.name.isAddressLiteral
        isExtended = greeting.isExtended
    }
}

extension SenderFacts {
    init(_ mail: MailCommand) {
        self.init(
            parsed: mail.sender.map { ($0.bytes, $0.localCount) }, size: mail.size, usesSMTPUTF8: mail.smtputf8,
            body: MessageBody(mail.body))
    }
}

extension RecipientFacts {
    init(_ rcpt: RcptCommand) {
        self.init(
            parsed: rcpt.recipient.bytes, localCount: rcpt.recipient.localCount,
            hasRouting: rcpt.hadSourceRoute
                || CanonicalName.isRouting(local: rcpt.recipient.bytes.prefix(rcpt.recipient.localCount)))
    }
}

extension MessageBody {
    init(_ body: BodyType?) {
        switch body {
        case .eightBitMIME: self = .eightBit
        case .binaryMIME: self = .binary
        case .sevenBit, nil: self = .sevenBit
        }
    }
}
