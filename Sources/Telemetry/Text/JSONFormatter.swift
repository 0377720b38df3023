import Bytes
import Policy

/// Decisions, faults and ends of sessions as JSON objects, with the names of the Elastic Common Schema.
///
/// | Always | |
/// |---|---|
/// | `@timestamp`, `log.level` | RFC 3339 in UTC; `info` or `warn` |
/// | `event.action` | `accepted`, `refused`, `would-refuse`, `backend-refused`, `login`, `message`, `session-end`, `tls-failed`, `protocol-violation`, `backend-fault`, `lost-connection`, `timeout`, `too-many-errors`, `ban`, `login-counting-suspended`; of no session: `command`, `log-dropped` |
/// | `event.outcome` | `success`, `failure`; `unknown` for what a monitored rule would have done |
/// | `source.ip`, `source.port`, `source.domain` | the client; the name only if it is confirmed |
/// | `smtp.sid`, `smtp.listener`, `smtp.helo`, `smtp.protocol` | the session |
/// | `tls.version`, `tls.cipher`, `tls.resumed`, `tls.client.*`, `user.name` | once they hold |
///
/// Where they apply: `rule.name` (`policy/rule`), `rule.ruleset` (the policy), `rule.version` (its hash), `event.reason`, `event.duration` (ns),
/// `source.bytes`, `destination.bytes`, and under `smtp.`: `stage`, `command`, `mode`, `from`, `to`, `closes`,
/// `reply.code`, `reply.text`, `auth.mechanism`, `auth.result`, `message.id`, `recipients`, `size`, `queue_id`,
/// `relay`, `messages`, `commands`, `ban.target`, `ban.subject`, `ban.seconds`, `ban.outcome`, `log.dropped`.
struct JSONFormatter {
    private struct SessionRecord {
        let time: WallTime
        let identity: SessionIdentity
        let report: SessionReport
    }

    private let clock = TimeText()

    /// nil for what belongs to no decision: a connection and its handshake show in its later lines.
    func line(_ identity: SessionIdentity, _ report: SessionReport, at time: WallTime) -> LogLine? {
        let record = SessionRecord(time: time, identity: identity, report: report)
        return switch report {
        case .connected, .tlsEstablished, .storeUnanswered: nil
        case .accepted(let stage, let rule, let policyHash):
            object(record, "accepted", "success") { json in
                json.put("smtp.stage", stage.name)
                json.put(rule: rule, of: policyHash)
            }
        case .refused(let refusal):
            object(record, action(refusal.mode), outcome(refusal.mode)) { $0.put(refusal: refusal) }
        case .backendRefused(let refusal):
            object(record, "backend-refused", "failure") { $0.put(refusal: refusal) }
        case .authenticationSucceeded(let login):
            object(record, "login", "success") { $0.put(login: login) }
        case .authenticationFailed(let login):
            object(record, "login", "failure", .warning) { $0.put(login: login) }
        case .messageTaken(let message):
            object(record, "message", message.reply.code / 100 == 2 ? "success" : "failure") { json in
                json.put(message: message, sid: record.identity.sid)
            }
        case .disconnected(let summary):
            object(record, "session-end", "success") { $0.put(summary: summary) }
        case .tlsFailed(let reason):
            object(record, "tls-failed", "failure") { $0.put("event.reason", reason) }
        case .protocolViolation(let kind, let during):
            object(record, "protocol-violation", "failure", .warning) { json in
                json.put("event.reason", kind)
                json.put("smtp.command", during)
            }
        case .backendFault(let server, let reason):
            object(record, "backend-fault", "failure", .warning) { json in
                json.put("event.reason", reason)
                json.put("smtp.relay", server)
            }
        case .offersHidden(let server, let keywords):
            object(record, "offers-hidden", "success") { json in
                json.put("event.reason", keywords.joined(separator: " "))
                json.put("smtp.relay", server)
            }
        case .tlsPassedOn(let server):
            object(record, "tls-passed-on", "success") { $0.put("smtp.relay", server) }
        case .lostConnection(let after):
            object(record, "lost-connection", "failure") { $0.put("smtp.command", after) }
        case .timedOut(let after):
            object(record, "timeout", "failure") { $0.put("smtp.command", after) }
        case .tooManyErrors(let after):
            object(record, "too-many-errors", "failure") { $0.put("smtp.command", after) }
        case .banned(let ban):
            object(record, "ban", ban.outcome.isEffective ? "success" : "failure") { $0.put(ban: ban) }
        case .loginCountingSuspended:
            object(record, "login-counting-suspended", "unknown", .warning) { json in
                json.put("event.reason", LogLine.suspension)
            }
        }
    }

    /// Said when there is room again: this many records never became lines.
    func dropped(_ count: UInt64, at time: WallTime) -> LogLine {
        var json = line(.warning, "log-dropped", "failure", at: time)
        json.put("smtp.log.dropped", count)
        return LogLine(.warning, json.closed())
    }

    /// What an operator changed by a command.
    func command(_ text: String, at time: WallTime) -> LogLine {
        var json = line(.info, "command", "success", at: time)
        json.put("event.reason", text)
        return LogLine(.info, json.closed())
    }

    private func object(
        _ record: SessionRecord, _ action: String, _ outcome: String, _ severity: Severity = .info,
        _ body: (inout JSONLine) -> Void
    ) -> LogLine {
        var json = line(severity, action, outcome, at: record.time)
        json.put(identity: record.identity, ending: record.report)
        body(&json)
        return LogLine(severity, json.closed())
    }

    private func line(_ severity: Severity, _ action: String, _ outcome: String, at time: WallTime) -> JSONLine {
        var json = JSONLine()
        json.put("@timestamp", clock.rfc3339(time))
        json.put("log.level", severity == .info ? "info" : "warn")
        json.put("event.action", action)
        json.put("event.outcome", outcome)
        return json
    }

    private func action(_ mode: Mode) -> String {
        switch mode {
        case .enforce: "refused"
        case .monitor, .disabled: "would-refuse"
        }
    }

    private func outcome(_ mode: Mode) -> String {
        switch mode {
        case .enforce: "failure"
        case .monitor, .disabled: "unknown"
        }
    }
}
