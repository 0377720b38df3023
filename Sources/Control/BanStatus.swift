/// One ban, as `portreeve bans` shows it.
public struct BanStatus: Hashable, Sendable, Codable {
    public enum Kind: String, Sendable, Codable {
        case client, user
    }

    public var kind: Kind
    /// An address, a net in CIDR notation, or a login.
    public var subject: String
    public var since: UTCTime
    public var until: UTCTime
    public var secondsLeft: UInt64
    /// The rule's full name, or the operator's words.
    public var reason: String
    /// Set by a command.
    public var isManual: Bool

    public init(
        kind: Kind, subject: String, since: UTCTime, until: UTCTime, secondsLeft: UInt64, reason: String, isManual: Bool
    ) {
        self.kind = kind
        self.subject = subject
        self.since = since
        self.until = until
        self.secondsLeft = secondsLeft
        self.reason = reason
        self.isManual = isManual
    }

    enum CodingKeys: String, CodingKey {
        case kind, subject, since, until, reason
        case secondsLeft = "seconds_left"
        case isManual = "manual"
    }

    var json: String {
        var json = JSONObject()
        json.put("kind", kind.rawValue)
        json.put("subject", subject)
        json.put("since", since.description)
        json.put("until", until.description)
        json.put("seconds_left", secondsLeft)
        json.put("reason", reason)
        json.put("manual", isManual)
        return json.text
    }

    /// A table, the ban that ends soonest first.
    public static func text(_ bans: [BanStatus]) -> String {
        if bans.isEmpty { return "nobody is banned\n" }
        var table = TextTable([.left("KIND"), .left("SUBJECT"), .left("ENDS IN"), .left("UNTIL"), .left("REASON")])
        for ban in bans {
            let left = StatusReport.span(Int64(clamping: ban.secondsLeft))
            let reason = ban.isManual ? "by command: \(ban.reason)" : ban.reason
            table.add([ban.kind.rawValue, ban.subject, left, ban.until.readable, reason])
        }
        return table.text
    }

    /// One array on one line.
    public static func json(_ bans: [BanStatus]) -> String {
        "[\(bans.map(\.json).joined(separator: ","))]"
    }
}
