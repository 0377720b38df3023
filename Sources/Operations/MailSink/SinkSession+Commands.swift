import Bytes
import SMTPWire

// Commands and their order (RFC 5321 section 4.1.4).
extension SinkSession {
    /// `line` is the command's text where the parser does not know its verb.
    func obey(_ command: Result<Command, CommandFault>, _ line: [UInt8]) {
        switch command {
        case .success(let command): obey(command)
        case .failure(let fault): answer(fault, line)
        }
    }

    private func obey(_ command: Command) {
        switch command {
        case .helo(let name): hello(name, isExtended: false)
        case .ehlo(let name): hello(name, isExtended: true)
        case .starttls: reply(502, "5.5.1 Error: command not implemented")
        case .auth(let auth): beginLogin(auth)
        case .mail(let mail): beginTransaction(mail)
        case .rcpt(let rcpt): add(rcpt)
        case .data: beginData()
        case .bdat(let size, let last): beginChunk(size: size, last: last)
        case .rset:
            transaction = nil
            reply(250, "2.0.0 Ok")
        case .noop: reply(250, "2.0.0 Ok")
        case .quit: refuseAndClose(Reply(221, "2.0.0 Bye"))
        case .vrfy: reply(252, "2.0.0 Cannot VRFY user, try RCPT")
        case .expn, .help: reply(502, "5.5.1 Error: command not implemented")
        }
    }

    private func answer(_ fault: CommandFault, _ line: [UInt8]) {
        if SinkIdentity.isXClient(line) { return xclient(line) }
        switch fault.kind {
        case .unknownCommand: reply(500, "5.5.2 Error: command not recognized")
        case .forbidden, .badChunkSize: refuseAndClose(Reply(501, "5.5.4 Syntax error, goodbye"))
        case .badAddress: reply(501, "5.1.7 Bad address syntax")
        case .needsSMTPUTF8: reply(553, "5.6.7 Error: address needs SMTPUTF8")
        case .unknownParameter: reply(555, "5.5.4 Error: unsupported parameter")
        case .sizeOverflow: reply(552, "5.3.4 Error: message size exceeds limit")
        case .syntax, .parameterValue, .duplicateParameter, .missingArgument, .unexpectedArgument, .badBase64,
            .illegalBytes:
            reply(501, "5.5.4 Syntax error")
        }
    }

    private func hello(_ name: HeloName, isExtended: Bool) {
        helo = String(decoding: name.bytes, as: UTF8.self)
        transaction = nil
        guard isExtended else { return reply(250, server.options.hostname) }
        var lines = [server.options.hostname, "PIPELINING", "SIZE \(server.options.maxMessageSize)"]
        if !server.options.users.isEmpty { lines.append("AUTH PLAIN LOGIN") }
        lines += ["ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING"]
        lines.append("XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT")
        reply(250, lines.joined(separator: "\n"))
    }

    /// As in Postfix: the session begins again, with the greeting's code and without HELO, login and transaction.
    private func xclient(_ line: [UInt8]) {
        guard transaction == nil else { return reply(503, "5.5.1 Error: MAIL transaction in progress") }
        guard let given = SinkIdentity(xclient: line) else { return reply(501, "5.5.4 Bad XCLIENT syntax") }
        identity = given
        (helo, user) = (nil, nil)
        reply(220, "\(server.options.hostname) ESMTP mail sink")
    }

    private func beginTransaction(_ mail: MailCommand) {
        guard helo != nil else { return reply(503, "5.5.1 Error: send HELO/EHLO first") }
        guard transaction == nil else { return reply(503, "5.5.1 Error: nested MAIL command") }
        guard mail.body != .binaryMIME else { return reply(555, "5.5.4 Error: BODY=BINARYMIME is not offered") }
        if let size = mail.size, size > server.options.maxMessageSize {
            return reply(552, "5.3.4 Error: message size exceeds limit")
        }
        transaction = SinkTransaction(mail)
        reply(250, "2.1.0 Ok")
    }

    private func add(_ rcpt: RcptCommand) {
        guard let transaction else { return reply(503, "5.5.1 Error: need MAIL command") }
        guard !transaction.hasChunks else { return reply(503, "5.5.1 Error: message content has begun") }
        guard transaction.recipients.count < 1000 else { return reply(452, "4.5.3 Error: too many recipients") }
        let address = String(decoding: rcpt.recipient.bytes, as: UTF8.self)
        guard login != nil || isOurs(rcpt.recipient) else {
            return reply(554, "5.7.1 <\(address)>: Relay access denied")
        }
        self.transaction?.recipients.append(rcpt.recipient)
        reply(250, "2.1.5 Ok")
    }

    private func isOurs(_ recipient: Mailbox) -> Bool {
        let domain = String(decoding: recipient.domain.map(ASCII.lowercased), as: UTF8.self)
        return domain.isEmpty || server.options.domains.contains(domain)
    }
}
