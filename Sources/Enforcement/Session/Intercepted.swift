import SMTPWire

/// What becomes of a session that its client meant for another server, and that the packet filter gave to us.
public enum Intercepted: UInt8, Hashable, Sendable, CaseIterable {
    /// Held against the policy, and passed on to the server that the client meant.
    case relay
    /// Told why it ends here.
    case explain
}

/// What the client of a closed port is told instead of a greeting (RFC 5321 3.1).
public struct Explanation: Hashable, Sendable {
    /// Lines of the reply; the last is signed with the session's id.
    public let lines: [String]

    public init(lines: [String] = Explanation.standard) {
        self.lines = lines.isEmpty ? Self.standard : lines
    }

    public static let standard = [
        "Mail servers cannot be reached directly from your network.",
        "Let your mail program log in to your provider, on port 465 or 587.",
    ]

    /// 554 with every line, each with its enhanced status code.
    func reply(sid: String) -> Reply {
        var texts = lines.map { "5.7.1 \($0)" }
        texts[texts.count - 1] += " sid=\(sid)"
        return Reply(code: 554, lines: texts.map { Array($0.utf8) })
    }
}
