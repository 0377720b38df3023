import Bytes
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
        self.bytes.reserveCapacity(256)
    }

    mutating func append(_ ours: String) {
        bytes += ours.utf8
    }

    /// In decimal digits.
    mutating func append(decimal number: Int) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let end = bytes.count
        repeat {
            bytes.insert(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10), at: end)
            rest /= 10
        } while rest > 0
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
    var rest = max(0, number)
    var id = Array(sid.utf8)
    let end = id.count
    repeat {
        id.insert(digit62(rest % 62), at: end)
        rest /= 62
    } while rest > 0
    return String(decoding: id, as: UTF8.self)
}

/// 0-9, a-z, A-Z.
private func digit62(_ value: Int) -> UInt8 {
    let base = value < 10 ? 0x30 : value < 36 ? 0x61 - 10 : 0x41 - 36
    return UInt8(truncatingIfNeeded: base + value)
}
