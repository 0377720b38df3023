import Bytes
import Policy

/// A notice in words, as JSON for a webhook and as a message for a mailbox.
///
/// A login is a peer's text: it can end no line and open no field of either.
struct NoticeText {
    let notice: Notice
    let time: WallTime
    let hostname: String
    /// Notices that the rate limit has swallowed since the last one.
    let suppressed: UInt64

    /// One sentence, such as `alice@example.org is held for 6 h`.
    var sentence: String {
        if let held = notice.held { return "\(who) is held for \(Self.span(held))" }
        if let banned = notice.banned { return "\(notice.net) is banned for \(Self.span(banned))" }
        return "\(who) met rule \(notice.rule)"
    }

    private var who: String {
        guard let user = notice.user else { return "\(notice.client)" }
        var line = LogLine(.info)
        line.append(user, as: .field)
        return String(decoding: line.bytes, as: UTF8.self)
    }

    /// What ends it.
    private var release: String? {
        if notice.held != nil { return "portreeve bans remove \(who)" }
        if notice.banned != nil { return "portreeve bans remove \(notice.net)" }
        return nil
    }

    private static func span(_ nanoseconds: UInt64) -> String {
        let seconds = nanoseconds / 1_000_000_000
        if seconds >= 7200 { return "\(seconds / 3600) h" }
        return seconds >= 120 ? "\(seconds / 60) min" : "\(seconds) s"
    }

    // MARK: Forms

    /// `text` is what chat services show of a webhook.
    var json: [UInt8] {
        var json = JSONLine()
        json.put("text", "Portreeve on \(hostname): \(sentence), by rule \(notice.rule), client \(notice.client)")
        json.put("@timestamp", TimeText().rfc3339(time))
        json.put("host.name", hostname)
        json.put("rule.name", notice.rule.description)
        json.put("source.ip", notice.client.description)
        json.put("user.name", notice.user)
        json.put("smtp.sid", notice.sid)
        json.put("smtp.listener", notice.listener)
        if let banned = notice.banned { json.put("smtp.ban.seconds", banned / 1_000_000_000) }
        if let held = notice.held { json.put("smtp.hold.seconds", held / 1_000_000_000) }
        json.put("release", release)
        json.put("suppressed", suppressed)
        return json.closed()
    }

    /// RFC 5322, with CRLF; the null sender and RFC 3834's field keep it from being answered.
    func message(to recipients: [String]) -> [UInt8] {
        let clock = TimeText()
        var lines = [
            "From: Portreeve <postmaster@\(hostname)>", "To: \(recipients.joined(separator: ", "))",
            "Subject: [portreeve] \(sentence)".prefix(200).description, "Date: \(clock.rfc5322(time))",
            "Message-ID: <\(notice.sid).\(time.nanoseconds)@\(hostname)>", "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "",
            "\(sentence).", "", "rule:     \(notice.rule)", "client:   \(notice.client)",
            "login:    \(notice.user == nil ? "none" : who)", "listener: \(notice.listener) on \(hostname)",
            "session:  \(notice.sid)", "time:     \(clock.rfc3339(time))",
        ]
        if let release { lines += ["", "To end this:", "", "    \(release)"] }
        if suppressed > 0 {
            lines += ["", "\(suppressed) more were not told, since notices are limited by notify.rate."]
        }
        return Array((lines.joined(separator: "\r\n") + "\r\n").utf8)
    }
}
