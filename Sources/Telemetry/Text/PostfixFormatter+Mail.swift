import Bytes
import Policy

// What became of commands, logins and messages.
extension PostfixFormatter {
    /// The line of a refused command: `NOQUEUE: reject: RCPT from name[address]: 554 5.7.1 …; from=<> to=<> …`.
    func refusal(
        _ refusal: RefusalReport, _ verb: StaticString, _ identity: SessionIdentity, isBackends: Bool = false
    ) -> LogLine {
        var line = LogLine(.info)
        line.append("NOQUEUE: ")
        line.append(verb)
        line.append(": ")
        line.append(refusal.command, as: .field)
        line.append(" from ")
        line.append(client: identity)
        line.append(": ")
        line.append(reply: refusal.reply, about: isBackends ? nil : subject(of: refusal, identity))
        line.append(";")
        line.append(path: "from", refusal.sender)
        line.append(path: "to", refusal.recipient)
        line.append(hello: identity)
        line.append(" rule=")
        line.append(refusal.rule.description, as: .field)
        line.append(sid: identity)
        return line
    }

    /// What Postfix names before a reason, as in `<bob@example.org>: Relay access denied`.
    ///
    /// pflogsumm finds the reason of these three commands only behind a `: `; without it each line is a reason of its own.
    private func subject(of refusal: RefusalReport, _ identity: SessionIdentity) -> [UInt8]? {
        guard !refusal.reply.text.hasSeparator else { return nil }
        var subject = LogLine(.info)
        switch refusal.command {
        case "CONNECT": subject.append(client: identity)
        case "RCPT": subject.append(refusal.recipient ?? [], as: .field)
        case "DATA": subject.append("DATA")
        default: return nil
        }
        return subject.bytes
    }

    /// The line of a failed login: `warning: name[address]: SASL LOGIN authentication failed: …, sasl_username=…`.
    ///
    /// fail2ban counts these, but not the two kinds that are no guess at a password.
    func failed(_ login: AuthenticationReport, _ identity: SessionIdentity) -> LogLine {
        var line = LogLine(.warning)
        line.append("warning: ")
        line.append(client: identity)
        line.append(": SASL ")
        line.append(login.mechanism, as: .field)
        switch login.result {
        case .cancelled: line.append(" authentication aborted")
        case .temporary: line.append(" authentication failed: Connection lost to authentication server")
        case .ok, .badCredentials, .malformed:
            line.append(" authentication failed: ")
            line.append(reason(login.reply), as: .text)
        }
        if let name = login.login {
            line.append(", sasl_username=")
            line.append(name, as: .field)
        }
        return line
    }

    /// A reply to AUTH without its enhanced code and without the words that the line has already.
    private func reason(_ reply: ReplyText) -> ArraySlice<UInt8> {
        var rest = reply.text.dropFirst(reply.text.enhancedCodeLength)
        let prefix = Array("Error: authentication failed: ".utf8)
        if rest.starts(with: prefix) { rest = rest.dropFirst(prefix.count) }
        return rest.isEmpty ? Array("authentication failure".utf8)[...] : rest
    }

    /// A message that the backend took, under its own id; one that it refused is `backend-reject`.
    func message(_ message: MessageReport, _ identity: SessionIdentity) -> LogLine {
        var line = LogLine(.info)
        line.append(ours: identity.sid)
        line.append(messageNumber: message.number)
        if message.reply.code / 100 == 2 {
            line.append(taken: message, identity)
        } else {
            line.append(refused: message, identity)
        }
        return line
    }
}

extension LogLine {
    fileprivate mutating func append(taken message: MessageReport, _ identity: SessionIdentity) {
        append(": client=")
        append(client: identity)
        append(optional: ", sasl_method=", message.mechanism?.utf8)
        append(optional: ", sasl_username=", message.user)
        append(optional: ", queued_as=", message.queueID?.utf8)
        append(", relay=")
        append(message.relay, as: .field)
        append(", delay=")
        append(seconds: message.delay)
        append(", from=<")
        append(message.sender, as: .field)
        append(">, size=")
        append(decimal: message.size)
        append(", nrcpt=")
        append(count: message.recipients)
        append(", status=sent (")
        append(reply: message.reply)
        append(")")
        append(sid: identity)
    }

    fileprivate mutating func append(refused message: MessageReport, _ identity: SessionIdentity) {
        append(": backend-reject: END-OF-MESSAGE from ")
        append(client: identity)
        append(": ")
        append(reply: message.reply)
        append(";")
        append(path: "from", message.sender)
        append(hello: identity)
        append(" size=")
        append(decimal: message.size)
        append(" nrcpt=")
        append(count: message.recipients)
        append(" relay=")
        append(message.relay, as: .field)
        append(" delay=")
        append(seconds: message.delay)
        append(sid: identity)
    }

    /// Code and text as the client got them; `subject`, safe already, goes between the enhanced code and the reason.
    fileprivate mutating func append(reply: ReplyText, about subject: [UInt8]? = nil) {
        append(count: Int(reply.code))
        append(" ")
        guard let subject else { return append(reply.text, as: .text) }
        append(reply.text.prefix(reply.text.enhancedCodeLength), as: .text)
        append("<")
        subject.withUnsafeBytes { append($0) }
        append(">: ")
        append(reply.text.dropFirst(reply.text.enhancedCodeLength), as: .text)
    }

    fileprivate mutating func append(path name: StaticString, _ address: (some Collection<UInt8>)?) {
        guard let address else { return }
        append(" ")
        append(name)
        append("=<")
        append(address, as: .field)
        append(">")
    }

    fileprivate mutating func append(hello identity: SessionIdentity) {
        append(" proto=")
        append(identity.protocolName, as: .field)
        if !identity.helo.isEmpty { append(path: "helo", identity.helo.utf8) }
    }

    private mutating func append(optional name: StaticString, _ value: (some Collection<UInt8>)?) {
        guard let value else { return }
        append(name)
        append(value, as: .field)
    }

    /// Nanoseconds as seconds with two decimals, as Postfix writes delays.
    private mutating func append(seconds nanoseconds: UInt64) {
        let hundredths = nanoseconds / 10_000_000
        append(decimal: hundredths / 100)
        append(".")
        append(decimal: hundredths / 10 % 10)
        append(decimal: hundredths % 10)
    }
}

extension [UInt8] {
    /// Octets of `5.7.1 ` at the start (RFC 2034), the space included; 0 without one.
    fileprivate var enhancedCodeLength: Int {
        guard let space = firstIndex(of: ASCII.space) else { return 0 }
        return self[..<space].allSatisfy { ASCII.isDigit($0) || $0 == ASCII.dot } ? space + 1 : 0
    }

    /// Whether a `: ` or `; ` stands in the text.
    fileprivate var hasSeparator: Bool {
        zip(self, dropFirst()).contains { ($0 == ASCII.colon || $0 == UInt8(ascii: ";")) && $1 == ASCII.space }
    }
}
