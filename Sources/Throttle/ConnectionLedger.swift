public import Bytes

/// How many sessions are open and how fast new ones come, in all and for each client.
///
/// One listener's book; its owner guards it with a lock that is held for this arithmetic only. A client is a net.
/// Memory is bounded by the open sessions and by `rememberedClients`: a client that has been quiet for its whole burst is
/// as good as a new one and may be forgotten.
public struct ConnectionLedger: Sendable {
    /// Clients whose rate is remembered at once, beside those that have sessions.
    public static let rememberedClients = 65_536

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

    /// What is known of one client.
    private struct Account {
        var open = 0
        /// See `RateLimit`.
        var arrival: UInt64 = 0

        mutating func admit(_ limits: Limits, now: UInt64) -> Refusal? {
            if open >= limits.sessionsPerClient { return .sessionsPerClient }
            guard limits.rate.charge(&arrival, now: now) else { return .rate }
            open += 1
            return nil
        }

        mutating func leave() -> Bool {
            guard open > 0 else { return false }
            open -= 1
            return true
        }
    }

    private var accounts: [AddressPrefix: Account] = [:]
    /// Sessions that are open now.
    public private(set) var total = 0

    public init() {}

    /// Clients of which anything is remembered.
    public var clients: Int { accounts.count }

    /// Admits one connection of `client` at `now` (nanoseconds), or says why not; an admitted one must `leave`.
    public mutating func admit(_ client: AddressPrefix, _ limits: Limits, now: UInt64) -> Refusal? {
        if total >= limits.sessions { return .sessions }
        if accounts.count >= Self.rememberedClients + total { forgetQuiet(now) }
        if let refusal = accounts[client, default: Account()].admit(limits, now: now) { return refusal }
        total += 1
        return nil
    }

    /// A session of `client` that was admitted has ended.
    public mutating func leave(_ client: AddressPrefix) {
        guard let index = accounts.index(forKey: client), accounts.values[index].leave() else { return }
        total -= 1
    }

    /// Buckets that are empty again carry no information; if none is, all are dropped rather than grow without bound.
    private mutating func forgetQuiet(_ now: UInt64) {
        accounts = accounts.filter { $0.value.open > 0 || $0.value.arrival > now }
        guard accounts.count >= Self.rememberedClients + total else { return }
        accounts = accounts.filter { $0.value.open > 0 }
    }
}
