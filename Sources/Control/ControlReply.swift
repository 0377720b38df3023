/// The answer to a control request: one JSON object on one line, then the daemon closes.
public struct ControlReply: Hashable, Sendable, Codable {
    /// False if the request was not understood or what it asked failed.
    public var ok: Bool
    /// One sentence for a person.
    public var message: String
    /// What a reload found, rendered as `check` prints it.
    public var findings: String?
    public var status: StatusReport?
    public var bans: [BanStatus]?
    public var limits: LimitsReport?

    public init(
        ok: Bool, message: String, findings: String? = nil, status: StatusReport? = nil, bans: [BanStatus]? = nil,
        limits: LimitsReport? = nil
    ) {
        self.ok = ok
        self.message = message
        self.findings = findings
        self.status = status
        self.bans = bans
        self.limits = limits
    }

    public init(_ error: ControlRequestError) {
        self.init(ok: false, message: error.description)
    }

    /// The line as it is sent, its LF included; any JSON decoder with this type reads it back.
    public var line: [UInt8] {
        Array((json + "\n").utf8)
    }

    public var json: String {
        var json = JSONObject()
        json.put("ok", ok)
        json.put("message", message)
        json.put("findings", findings)
        json.put("status", raw: status?.json)
        json.put("bans", raw: bans.map(BanStatus.json))
        json.put("limits", raw: limits?.json)
        return json.text
    }
}
