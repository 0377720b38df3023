import Bytes
import Policy

// What each kind of report puts into its object.
extension JSONLine {
    /// The session; what the report itself knows of TLS and the user wins over what the identity has learnt.
    mutating func put(identity: SessionIdentity, ending report: SessionReport) {
        put("source.ip", identity.client.address.description)
        put("source.port", identity.client.port)
        put("source.domain", identity.clientName)
        put("smtp.sid", identity.sid)
        put("smtp.listener", identity.listener)
        if !identity.helo.isEmpty { put("smtp.helo", identity.helo) }
        put("smtp.protocol", identity.protocolName)
        let learnt = Learnt(identity, report)
        if let tls = learnt.tls { put(tls: tls) }
        put("user.name", learnt.user)
    }

    private mutating func put(tls: TLSFacts) {
        put("tls.version", tls.version.name)
        put("tls.cipher", tls.cipher)
        put("tls.resumed", tls.isResumed)
        put("tls.client.server_name", tls.serverName)
        guard let certificate = tls.clientCertificate else { return }
        put("tls.client.subject", certificate.subject)
        put("tls.client.hash.sha256", certificate.fingerprint.uppercased())
        put("tls.client.verified", certificate.isVerified)
    }

    mutating func put(rule: RuleID, of policyHash: String = "") {
        put("rule.name", rule.description)
        put("rule.ruleset", rule.policy)
        if !policyHash.isEmpty { put("rule.version", policyHash) }
    }

    mutating func put(reply: ReplyText) {
        put("smtp.reply.code", reply.code)
        put("smtp.reply.text", reply.text)
    }

    mutating func put(refusal: RefusalReport) {
        put("smtp.command", refusal.command)
        put("smtp.stage", refusal.stage?.name)
        put(rule: refusal.rule, of: refusal.policyHash)
        put("smtp.mode", refusal.mode.rawValue)
        put(reply: refusal.reply)
        put("smtp.from", refusal.sender)
        put("smtp.to", refusal.recipient)
        put("smtp.closes", refusal.closes)
    }

    mutating func put(login: AuthenticationReport) {
        put("smtp.auth.mechanism", login.mechanism)
        put("smtp.auth.result", login.result.rawValue)
        put(reply: login.reply)
    }

    mutating func put(message: MessageReport, sid: String) {
        put("smtp.message.id", messageID(sid: sid, number: message.number))
        put("smtp.from", message.sender)
        put("smtp.recipients", message.recipients)
        put("smtp.size", message.size)
        put("smtp.auth.mechanism", message.mechanism)
        put("smtp.queue_id", message.queueID)
        put("smtp.relay", message.relay)
        put(reply: message.reply)
        put("event.duration", message.delay)
    }

    mutating func put(ban: BanReport) {
        put(rule: ban.rule)
        put("smtp.ban.target", ban.target.rawValue)
        put("smtp.ban.subject", ban.subject)
        put("smtp.ban.seconds", ban.duration / 1_000_000_000)
        put("smtp.ban.outcome", ban.outcome.name)
        if case .immune(let reason) = ban.outcome { put("event.reason", reason) }
    }

    mutating func put(summary: SessionSummary) {
        if !summary.tags.isEmpty { put("smtp.tags", summary.tags.joined(separator: " ")) }
        put("event.duration", summary.duration)
        put("source.bytes", summary.bytesIn)
        put("destination.bytes", summary.bytesOut)
        put("smtp.messages", summary.messages)
        var commands = LogLine(.info)
        commands.append(counts: summary)
        put("smtp.commands", commands.bytes)
    }
}

/// TLS and user as they stand with a report; a login's name stands even if it failed.
private struct Learnt {
    var tls: TLSFacts?
    var user: [UInt8]?

    init(_ identity: SessionIdentity, _ report: SessionReport) {
        (tls, user) = (identity.tls, identity.user)
        switch report {
        case .authenticationSucceeded(let login), .authenticationFailed(let login): user = login.login ?? user
        case .messageTaken(let message): user = message.user ?? user
        case .disconnected(let summary): (tls, user) = (summary.tls ?? tls, summary.user ?? user)
        case .connected, .tlsEstablished, .tlsFailed, .refused, .accepted, .backendRefused, .protocolViolation,
            .backendFault, .lostConnection, .timedOut, .tooManyErrors, .banned, .loginCountingSuspended,
            .storeUnanswered, .offersHidden,
            .tlsPassedOn:
            break
        }
    }
}
