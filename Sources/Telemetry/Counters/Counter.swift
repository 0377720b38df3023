/// What is counted, per listener and worker.
public enum Counter: Int, CaseIterable, Sendable {
    /// Connections that became sessions.
    case connections
    /// Sessions that ended.
    case sessionsEnded
    /// Connections turned away before a session (too many, too fast).
    case connectionsRefused
    /// Commands that a rule or the protocol refused.
    case refusals
    /// Commands that a monitored rule would have refused.
    case monitoredRefusals
    case acceptances
    case backendRefusals
    /// Messages that the backend took.
    case messages
    /// Messages that the backend refused at their end.
    case messagesRefused
    case authenticationSuccesses
    case authenticationFailures
    case tlsHandshakes
    case tlsFailures
    /// Sessions that ended without ever having been inside TLS.
    case plaintextSessions
    case protocolViolations
    case backendFaults
    case replies
    /// Questions to the shared store for which a limit's `on_store_loss` had to answer.
    case storeUnanswered

    /// The word that status and metrics use.
    public var name: String {
        switch self {
        case .connections: "connections"
        case .sessionsEnded: "sessions_ended"
        case .connectionsRefused: "connections_refused"
        case .refusals: "refusals"
        case .monitoredRefusals: "monitored_refusals"
        case .acceptances: "acceptances"
        case .backendRefusals: "backend_refusals"
        case .messages: "messages"
        case .messagesRefused: "messages_refused"
        case .authenticationSuccesses: "auth_successes"
        case .authenticationFailures: "auth_failures"
        case .tlsHandshakes: "tls_handshakes"
        case .tlsFailures: "tls_failures"
        case .plaintextSessions: "plaintext_sessions"
        case .protocolViolations: "protocol_violations"
        case .backendFaults: "backend_faults"
        case .replies: "replies"
        case .storeUnanswered: "store_unanswered"
        }
    }
}

/// The counts of one moment, or sums of such.
public struct CounterSnapshot: Hashable, Sendable {
    private var counts = [UInt64](repeating: 0, count: Counter.allCases.count)

    public init() {}

    public subscript(counter: Counter) -> UInt64 {
        get { counts[counter.rawValue] }
        set { counts[counter.rawValue] = newValue }
    }

    /// Sessions that live now; the two counts are read one after the other, so it is an estimate, never below 0.
    public var activeSessions: UInt64 {
        let (started, ended) = (self[.connections], self[.sessionsEnded])
        return started > ended ? started - ended : 0
    }

    public static func + (a: CounterSnapshot, b: CounterSnapshot) -> CounterSnapshot {
        var sum = a
        for counter in Counter.allCases { sum[counter] &+= b[counter] }
        return sum
    }
}
