import Bytes
import Policy

/// Reports in the words of Postfix's smtpd, then our own fields, one line each.
///
/// fail2ban's `postfix` filter and pflogsumm read them unmodified, so a word here is an interface.
/// A refusal of the backend's own is not `reject:`, because the backend logs that too and it would count twice.
struct PostfixFormatter {
    /// nil for what Postfix would not log: accepted commands and successful logins.
    func line(_ identity: SessionIdentity, _ report: SessionReport) -> LogLine? {
        switch report {
        case .connected: event("connect", identity)
        case .tlsEstablished(let tls): established(tls, identity)
        case .tlsFailed(let reason): handshakeError(reason, identity)
        case .refused(let refusal): self.refusal(refusal, verb(refusal.mode), identity)
        case .accepted, .storeUnanswered: nil
        case .banned(let ban): self.ban(ban, identity)
        case .loginCountingSuspended: LogLine(.warning, Array("warning: \(LogLine.suspension)".utf8))
        case .backendRefused(let refusal): self.refusal(refusal, "backend-reject", identity, isBackends: true)
        case .authenticationSucceeded: nil
        case .authenticationFailed(let login): failed(login, identity)
        case .messageTaken(let message): self.message(message, identity)
        case .protocolViolation(let kind, let during): violation(kind, during, identity)
        case .backendFault(let server, let reason): fault(server, reason, identity)
        case .offersHidden(let server, let keywords): offersHidden(server, keywords, identity)
        case .tlsPassedOn(let server): tlsPassedOn(server, identity)
        case .lostConnection(let after): event("lost connection after ", after, identity)
        case .timedOut(let after): event("timeout after ", after, identity)
        case .tooManyErrors(let after): event("too many errors after ", after, identity)
        case .disconnected(let summary): disconnected(summary, identity)
        }
    }

    /// What an operator changed by a command.
    func command(_ text: String) -> LogLine {
        var line = LogLine(.info)
        line.append("by command: ")
        line.append(text, as: .text)
        return line
    }

    /// Said when there is room again: this many records never became lines.
    func dropped(_ count: UInt64) -> LogLine {
        LogLine(.warning, Array("warning: \(count) log records dropped".utf8))
    }

    private func verb(_ mode: Mode) -> StaticString {
        switch mode {
        case .enforce: "reject"
        case .monitor, .disabled: "reject_warning"
        }
    }
}

// MARK: Events of the connection

extension PostfixFormatter {
    private func event(_ what: StaticString, _ identity: SessionIdentity) -> LogLine {
        var line = LogLine(.info)
        line.append(what)
        line.append(" from ")
        line.append(client: identity)
        return line
    }

    /// Nothing follows the client: fail2ban's mode `errors` wants the line to end there.
    private func event(_ what: StaticString, _ after: String, _ identity: SessionIdentity) -> LogLine {
        var line = LogLine(.info)
        line.append(what)
        line.append(after, as: .field)
        line.append(" from ")
        line.append(client: identity)
        return line
    }

    private func established(_ tls: TLSFacts, _ identity: SessionIdentity) -> LogLine {
        let trust: StaticString =
            tls.clientCertificate.map { $0.isVerified ? "Trusted" : "Untrusted" } ?? "Anonymous"
        var line = LogLine(.info)
        line.append(trust)
        line.append(" TLS connection established from ")
        line.append(client: identity)
        line.append(": ")
        line.append(ours: tls.version.name)
        line.append(" with cipher ")
        line.append(tls.cipher, as: .field)
        if let bits = CipherBits(cipher: tls.cipher) { line.append(ours: " (\(bits.used)/\(bits.algorithm) bits)") }
        return line
    }

    private func handshakeError(_ reason: String, _ identity: SessionIdentity) -> LogLine {
        var line = event("SSL_accept error", identity)
        line.append(": ")
        line.append(reason, as: .text)
        return line
    }

    private func violation(_ kind: String, _ during: String, _ identity: SessionIdentity) -> LogLine {
        if kind.contains("pipelining") { return event("improper command pipelining after ", during, identity) }
        var line = LogLine(.warning)
        line.append("warning: ")
        line.append(client: identity)
        line.append(": protocol violation: ")
        line.append(kind, as: .text)
        line.append(", during=")
        line.append(during, as: .field)
        line.append(sid: identity)
        return line
    }

    private func fault(_ server: String, _ reason: String, _ identity: SessionIdentity) -> LogLine {
        var line = LogLine(.warning)
        line.append("warning: backend ")
        line.append(server, as: .field)
        line.append(": ")
        line.append(reason, as: .text)
        line.append(", client=")
        line.append(client: identity)
        line.append(sid: identity)
        return line
    }

    private func offersHidden(_ server: String, _ keywords: [String], _ identity: SessionIdentity) -> LogLine {
        var line = LogLine(.info)
        line.append(client: identity)
        line.append(": not passed on: ")
        line.append(keywords.joined(separator: " "), as: .text)
        line.append(", relay=")
        line.append(server, as: .field)
        line.append(sid: identity)
        return line
    }

    private func tlsPassedOn(_ server: String, _ identity: SessionIdentity) -> LogLine {
        var line = LogLine(.info)
        line.append(client: identity)
        line.append(": TLS passed on, relay=")
        line.append(server, as: .field)
        line.append(sid: identity)
        return line
    }

    private func disconnected(_ summary: SessionSummary, _ identity: SessionIdentity) -> LogLine {
        var line = event("disconnect", identity)
        line.append(" ")
        line.append(counts: summary)
        line.append(sid: identity)
        return line
    }
}

extension LogLine {
    /// `name[address]`; a name that nobody confirmed is `unknown`.
    mutating func append(client identity: SessionIdentity) {
        if let name = identity.clientName { append(name, as: .name) } else { append("unknown") }
        append("[")
        append(ours: identity.client.address.description)
        append("]")
    }

    mutating func append(sid identity: SessionIdentity) {
        append(" sid=")
        append(ours: identity.sid)
    }

    /// `ehlo=2 auth=0/1 … commands=5/7`: a number alone where all succeeded.
    mutating func append(counts summary: SessionSummary) {
        for count in summary.counts {
            append(ours: count.command)
            append("=")
            append(ratio: count.succeeded, count.total)
            append(" ")
        }
        append("commands=")
        append(
            ratio: summary.counts.reduce(0) { $0 &+ $1.succeeded }, summary.counts.reduce(0) { $0 &+ $1.total })
    }

    private mutating func append(ratio succeeded: Int, _ total: Int) {
        if succeeded != total {
            append(count: succeeded)
            append("/")
        }
        append(count: total)
    }
}
