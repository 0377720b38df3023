import Bytes
import Policy

/// One thing that happened, as it waits to be written.
struct LogRecord: Sendable {
    var time: WallTime
    var identity: SessionIdentity
    var report: SessionReport
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

/// A formatted line without its end and without what the destination puts before it.
struct LogLine: Equatable {
    var severity: Severity
    var bytes: [UInt8]

    init(_ severity: Severity, _ bytes: [UInt8] = []) {
        self.severity = severity
        self.bytes = bytes
    }

    mutating func append(_ ours: String) {
        bytes += ours.utf8
    }

    mutating func append(_ remote: some Collection<UInt8>, as place: RemoteText.Place) {
        RemoteText.append(remote, as: place, to: &bytes)
    }

    mutating func append(_ remote: String, as place: RemoteText.Place) {
        RemoteText.append(remote.utf8, as: place, to: &bytes)
    }
}

/// The id under which message `number` of a session is logged: the session's and one more character.
///
/// From the 62nd message on it is two characters.
public func messageID(sid: String, number: Int) -> String {
    let digits = Array("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    var rest = max(0, number)
    var suffix: [Character] = []
    repeat {
        suffix.insert(digits[rest % digits.count], at: 0)
        rest /= digits.count
    } while rest > 0
    return sid + String(suffix)
}
