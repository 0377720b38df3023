internal import Policy

private let second: UInt64 = 1_000_000_000
private let hour: UInt64 = 3600 * second

/// The rows of `protocol:`.
enum ProtocolSetting {
    static let all: [Setting<ProtocolLimits>] = [
        .init(
            "bare_newline", .newline(\.bareNewline), "what a bare CR or LF does: 550 5.5.2, repair, or ask the policy"),
        .init("max_line", .count(\.maxLine, 512...8192), "octets of a command line with CRLF (RFC 5321 §4.5.3.1.4)"),
        .init(
            "max_auth_line", .count(\.maxAuthLine, 512...16384), "octets of a line of an AUTH exchange (RFC 4954 §4)"),
        .init("max_message_size", .size(\.maxMessageSize, 1...(1 << 40)), "octets of a message (RFC 1870)"),
        .init("max_size_excess", .size(\.maxSizeExcess, 0...(1 << 40)), "read of a too long message before closing"),
        .init("max_recipients", .count(\.maxRecipients, 1...100_000), "recipients of one message"),
        .init("max_messages", .count(\.maxMessages, 1...1_000_000), "messages of one session"),
        .init("max_errors", .count(\.maxErrors, 1...100_000), "refused commands of one session"),
        .init("max_junk", .count(\.maxJunk, 1...100_000), "NOOP, RSET, VRFY, HELP, … of one session without mail"),
        .init("max_sessions", .count(\.maxSessions, 1...1_000_000), "sessions of one listener"),
        .init("max_sessions_per_client", .count(\.maxSessionsPerClient, 1...1_000_000), "sessions of one client net"),
        .init("connection_rate", .rate(\.connectionRate), "new connections of one client net"),
        .init("client_prefix", .prefixes, "how many bits tell clients apart"),
        .init(
            "greet_wait", .duration(\.greetWait, 0...(60 * second)), "holds the greeting back to see who talks first"),
        .init("chunking", .flag(\.chunking), "offers CHUNKING (RFC 3030)"),
        .init(
            "auth_fail_delay", .duration(\.authFailDelay, 0...(60 * second)), "holds the reply to a failed login back"),
        .init(
            "min_data_rate", .octets(\.minDataRate, 0...(1 << 30)),
            "slowest message data, octets a second; 0 is no limit"),
        .init("data_grace", .duration(\.dataGrace, 0...hour), "how long message data may be slower than that"),
        .init("drain", .duration(\.drain, 0...hour), "how long sessions may go on when the process ends"),
    ]
}

/// The rows of `timeouts.client:`.
enum ClientTimeoutSetting {
    private static let range = (second / 10)...hour

    static let all: [Setting<ClientTimeouts>] = [
        .init("command", .duration(\.command, range), "from our reply to the next command (RFC 5321 §4.5.3.2.7)"),
        .init("command_deadline", .duration(\.commandDeadline, range), "from a command's first octet to its CRLF"),
        .init("data_block", .duration(\.dataBlock, range), "between two blocks of message data (RFC 5321 §4.5.3.2.5)"),
        .init("tls_handshake", .duration(\.tlsHandshake, range), "a whole TLS handshake"),
        .init("proxy_header", .duration(\.proxyHeader, range), "a whole PROXY header"),
    ]
}

/// The rows of `timeouts.backend:`.
enum BackendTimeoutSetting {
    private static let range = (second / 10)...hour

    static let all: [Setting<BackendTimeouts>] = [
        .init("connect", .duration(\.connect, range), "a TCP connection"),
        .init("greeting", .duration(\.greeting, range), "the greeting, and TLS (RFC 5321 §4.5.3.2.1)"),
        .init("reply", .duration(\.reply, range), "the reply to a command"),
        .init("data_block", .duration(\.dataBlock, range), "a block of message data to be taken (RFC 5321 §4.5.3.2.5)"),
        .init("end_of_data", .duration(\.endOfData, range), "the reply to end-of-data (RFC 5321 §4.5.3.2.6)"),
    ]
}
