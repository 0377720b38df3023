/// How many sessions are open and how fast new ones come, in all and for each client.
///
/// One listener's book; its owner guards it with a lock that is held for this arithmetic only.
/// `Client` is whatever tells clients apart, such as an address prefix. Memory is bounded by the open sessions and by
/// `rememberedClients`: a client that has been quiet for its whole burst is as good as a new one and may be forgotten.
public struct ConnectionLedger<Client: Hashable & Sendable>: Sendable {
    /// Clients whose rate is remembered at once.
    public static var rememberedClients: Int { 65_536 }

    public struct Limits: Hashable, Sendable {
        public var sessions: Int
        public var sessionsPerClient: Int
        public var rate: RateLimit

        public init(sessions: Int, sessionsPerClient: Int, rate: RateLimit) {
            self.sessions = sessions
            self.sessionsPerClient = sessionsPerClient
            self.rate = rate
        }
    }

    /// Why a connection is refused; the raw value is the metric's label.
    public enum Refusal: String, Sendable {
        case sessions = "max_sessions"
        case sessionsPerClient = "max_sessions_per_client"
        case rate = "connection_rate"
    }

    private var open: [Client: Int] = [:]
    private var arrivals: [Client: UInt64] = [:]
    /// Sessions that are open now.
    public private(set) var total = 0

    public init() {}

    /// Admits one connection of `client` at `now` (nanoseconds), or says why not; an admitted one must `leave`.
    public mutating func admit(_ client: Client, _ limits: Limits, now: UInt64) -> Refusal? {
        if total >= limits.sessions { return .sessions }
        if open[client, default: 0] >= limits.sessionsPerClient { return .sessionsPerClient }
        if arrivals.count >= Self.rememberedClients { forgetQuiet(now) }
        guard limits.rate.charge(&arrivals[client, default: 0], now: now) else { return .rate }
        open[client, default: 0] += 1
        total += 1
        return nil
    }

    /// A session of `client` that was admitted has ended.
    public mutating func leave(_ client: Client) {
        guard let count = open[client] else { return }
        open[client] = count > 1 ? count - 1 : nil
        total -= 1
    }

    /// Buckets that are empty again carry no information; if none is, all are dropped rather than grow without bound.
    private mutating func forgetQuiet(_ now: UInt64) {
        arrivals = arrivals.filter { $0.value > now }
        if arrivals.count >= Self.rememberedClients { arrivals = [:] }
    }
}
