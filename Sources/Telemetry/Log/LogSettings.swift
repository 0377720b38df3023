import Glibc

/// What lines look like.
public enum LogFormat: String, Sendable {
    /// Postfix's words, then ours.
    case postfix
    /// One object per line.
    case json
}

public enum LogDestination: Hashable, Sendable {
    /// Bare lines: whoever reads them (systemd) has a time and a name of its own.
    case standardError
    /// A syslog daemon's datagram socket.
    case syslog(path: String = "/dev/log")
    /// Appended; in format `postfix` with the prefix of a syslog daemon.
    case file(String)
}

/// How a log is kept.
public struct LogSettings: Sendable {
    public var format: LogFormat
    public var destination: LogDestination
    /// fail2ban and pflogsumm know `postfix-…/smtpd`.
    public var ident: String
    /// Records that may wait for the writer; further ones are dropped.
    public var capacity: Int

    public init(
        format: LogFormat = .postfix, destination: LogDestination = .standardError,
        ident: String = "postfix-portreeve/smtpd", capacity: Int = 65_536
    ) {
        self.format = format
        self.destination = destination
        self.ident = ident
        self.capacity = capacity
    }
}

/// Why a log cannot be kept at all; the operator's or the machine's fault.
public enum LogError: Error, Hashable, CustomStringConvertible {
    case cannotOpen(path: String, errno: Int32)
    case cannotStartThread(errno: Int32)

    public var description: String {
        switch self {
        case .cannotOpen(let path, let code): "cannot open the log \(path): \(String(cString: strerror(code)))"
        case .cannotStartThread(let code): "cannot start the log's thread: \(String(cString: strerror(code)))"
        }
    }
}
