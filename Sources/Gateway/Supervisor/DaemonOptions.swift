/// What the command line says about a run.
public struct DaemonOptions: Sendable {
    /// Servers are proved before they get sessions.
    public var selfTest = true
    /// `--monitor`: no rule decides.
    public var isMonitored = false
    /// Told by `status`.
    public var version = ""
    /// Root becomes the configured user once the ports are open.
    public var dropsPrivileges = true

    public init() {}
}

/// Why a daemon did not start; the operator's to mend.
public enum StartFailure: Error, Sendable, CustomStringConvertible {
    /// Rendered findings, as `check` prints them.
    case findings(String)
    case message(String)

    public var description: String {
        switch self {
        case .findings(let text): text
        case .message(let text): "portreeve: \(text)"
        }
    }
}
