public import Bytes

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

    /// Told of every ban of a net that begins, is prolonged or is lifted, on the supervisor's thread: a packet filter may follow.
    public var onBan: (@Sendable (BanEvent) -> Void)?

    public init() {}
}

/// What has become of the ban of a net.
public enum BanEvent: Hashable, Sendable {
    /// It holds for so many seconds from now; a net known from PROXY headers is none that packets come from.
    case holds(AddressPrefix, seconds: UInt64, isProxied: Bool)
    case lifted(AddressPrefix)
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
