public import Bytes
public import Configuration

/// How a daemon is started.
public struct DaemonOptions: Sendable {
    public var selfTest = true
    public var monitor = false
    public var version = ""
    public var dropsPrivileges = true

    public init() {}
}

public enum StartFailure: Error {
    /// Rendered as `check` prints them.
    case findings(String)
    case message(String)
}

/// A placeholder with the interface of the daemon: it always fails to start.
public final class Daemon {
    public init(plan: RunPlan, configurationPath: String?, options: DaemonOptions) throws(StartFailure) {
        throw .message("this build has no gateway")
    }

    public func start() throws(StartFailure) {}

    public var listening: [(name: String, endpoint: Endpoint)] { [] }

    public func run() -> Int32 { 1 }

    public func stop() {}
}
