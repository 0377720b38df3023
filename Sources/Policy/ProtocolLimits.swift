/// The bounds that a listener puts on a session: `protocol:` of portreeve.yaml, each with the documented default.
///
/// Durations are nanoseconds, sizes are octets.
public struct ProtocolLimits: Sendable, Hashable {
    /// What a line feed or carriage return alone does (RFC 5321 §2.3.8 forbids both).
    public enum BareNewline: String, Sendable, Hashable, CaseIterable {
        /// 550 5.5.2 before any rule.
        case reject
        /// What is found becomes CRLF and is dot-stuffed again.
        case normalize
        /// Rules see it; what they pass is normalised.
        case policy
    }

    /// So many events in so much time.
    public struct Rate: Sendable, Hashable {
        public var count: UInt64
        /// The period in nanoseconds.
        public var period: UInt64

        public init(count: UInt64, period: UInt64) {
            self.count = count
            self.period = period
        }
    }

    /// Default `reject`.
    public var bareNewline = BareNewline.reject
    /// A command line with its CRLF, octets (RFC 5321 §4.5.3.1.4 asks for at least 512); default 2048.
    public var maxLine = 2048
    /// A line of an AUTH exchange with its CRLF, octets (RFC 4954 §4 asks for at least 12288); default 12288.
    public var maxAuthLine = 12288
    /// A message, octets (RFC 1870); default 50 MB.
    public var maxMessageSize: UInt64 = 50 << 20
    /// What is still read of a message that is too long before the connection is closed, octets; default 1 MB.
    public var maxSizeExcess: UInt64 = 1 << 20
    /// Recipients of one message (RFC 5321 §4.5.3.1.8 asks for at least 100); default 1000.
    public var maxRecipients = 1000
    /// Messages of one session; default 100.
    public var maxMessages = 100
    /// Refused commands of one session; default 10.
    public var maxErrors = 10
    /// Commands of one session that bring no mail nearer (NOOP, RSET, VRFY, HELP); default 100.
    public var maxJunk = 100
    /// Sessions of one listener; default 10000.
    public var maxSessions = 10000
    /// Sessions of one client net; default 20.
    public var maxSessionsPerClient = 20
    /// New connections of one client net; default 60 a minute.
    public var connectionRate = Rate(count: 60, period: 60_000_000_000)
    /// The prefix length by which IPv4 clients are told apart, bits; default 32.
    public var clientPrefixV4 = 32
    /// The prefix length by which IPv6 clients are told apart, bits; default 64.
    public var clientPrefixV6 = 64
    /// How long the greeting is held back to see who talks first; default 0.
    public var greetWait: UInt64 = 0
    /// Whether CHUNKING is offered (RFC 3030); default true.
    public var chunking = true
    /// How long the reply to a failed login is held back; default 1 s.
    public var authFailDelay: UInt64 = 1_000_000_000
    /// The slowest that message data may come in, octets a second; 0 is no limit; default 500.
    public var minDataRate: UInt64 = 500
    /// How long message data may come slower than that; default 30 s.
    public var dataGrace: UInt64 = 30_000_000_000
    /// How long sessions may go on when the process or the listener ends; default 30 s.
    public var drain: UInt64 = 30_000_000_000

    public init() {}
}
