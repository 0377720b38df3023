import Policy

/// One thing that happened, as it waits to be written.
struct LogRecord: Sendable {
    enum Event: Sendable {
        case session(SessionIdentity, SessionReport)
        /// What an operator changed by a command, in words.
        case command(String)
    }

    var time: WallTime
    var event: Event

    /// What stands in the place of one that was taken out.
    static let none = LogRecord(time: WallTime(nanoseconds: 0), event: .command(""))
}

/// How loud a line is.
enum Severity {
    case info
    case warning

    /// The syslog priority in the facility mail (RFC 3164 4.1.1).
    var mailPriority: Int {
        switch self {
        case .info: 2 * 8 + 6
        case .warning: 2 * 8 + 4
        }
    }
}
