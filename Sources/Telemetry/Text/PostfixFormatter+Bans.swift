import Bytes
import Policy

// Bans, which Postfix has no words for. fail2ban's filter matches none of these lines: the ban is ours already.

extension PostfixFormatter {
    /// Such as `ban: client 203.0.113.7/32 for 1800 s; began, rule=submission/login-bruteforce sid=…`.
    func ban(_ ban: BanReport, _ identity: SessionIdentity) -> LogLine {
        var line = LogLine(.info)
        line.append(ban.outcome.isEffective ? "ban: " : "no ban: ")
        line.append(ours: ban.target.rawValue)
        line.append(" ")
        line.append(ban.subject, as: .field)
        line.append(" for ")
        line.append(decimal: ban.duration / 1_000_000_000)
        line.append(" s; ")
        line.append(ours: ban.outcome.name)
        if case .immune(let reason) = ban.outcome {
            line.append(" by ")
            line.append(reason, as: .text)
        }
        line.append(", rule=")
        line.append(ban.rule.description, as: .field)
        line.append(sid: identity)
        return line
    }
}

extension LogLine {
    /// What the operator reads when a majority of good nets fails.
    static let suspension = """
        most clients that logged in before now fail: the mail server's logins look broken, so failures and bans do not \
        count for now
        """
}

extension BanReport.Outcome {
    /// Whether somebody is kept away now.
    var isEffective: Bool {
        switch self {
        case .began, .prolonged, .unchanged: true
        case .immune, .suspended: false
        }
    }

    var name: String {
        switch self {
        case .began: "began"
        case .prolonged: "prolonged"
        case .unchanged: "unchanged"
        case .immune: "immune"
        case .suspended: "suspended"
        }
    }
}
