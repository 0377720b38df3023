public import Bytes
public import Diagnostics
public import Policy

/// Everything that portreeve.yaml says, checked, completed with defaults and frozen.
///
/// Every path in it is absolute. What can still fail later (a port in use, a file that vanished) carries the place that
/// named it. Two plans are equal if they say the same, wherever in the file they say it.
public struct RunPlan: Sendable, Hashable {
    /// The file it was read from, as the operator named it.
    @Incidental public var file: String
    /// 16 hexadecimal digits that change when the text of the file does (FNV-1a, no protection against intent).
    @Incidental public var hash: String
    /// The text that it was read from, so that policies can be read again without it.
    @Incidental public var text: String
    /// Absolute paths of the policies' files and of their lists' files.
    public var policyFiles: [String]
    /// Our name in the banner, in self-tests and health checks; lower-cased, without a final dot.
    public var hostname: String
    public var domains: [DomainPattern]
    /// The user that a process started as root becomes.
    public var user: String

    /// `user` where the file says nothing; packages make it.
    public static let defaultUser = "_portreeve"
    /// Worker threads; 0 is one per core.
    public var workers: Int
    /// In the order of the file.
    public var listeners: [ListenerPlan]
    public var certificates: [CertificatePlan]
    /// In the order of the file.
    public var backends: [BackendPlan]
    public var state: StatePlan
    public var admin: AdminPlan
    public var log: LogPlan
    public var notify: NotifyPlan?
    /// Addresses that are never banned.
    public var neverBanned: [AddressPrefix]
    /// Nil without `firewall:`.
    public var firewall: FirewallSettings?
    /// The top-level `protocol:`; a listener has its own copy with its overrides.
    public var protocolLimits: ProtocolLimits
    public var timeouts: Timeouts
    /// The top-level `tls:`; a listener has its own copy with its overrides.
    public var tlsOptions: TLSOptions

    /// The backend of that name; every listener's is there.
    public func backend(named name: String) -> BackendPlan? {
        backends.first { $0.name == name }
    }
}

/// A domain, or with a leading dot in the file all domains below one; lower-cased A-labels without the final dot.
public struct DomainPattern: Sendable, Hashable, CustomStringConvertible {
    /// Without the leading dot.
    public var name: String
    /// Whether it means the names below `name` (and not `name` itself).
    public var isSuffix: Bool

    public init(name: String, isSuffix: Bool) {
        self.name = name
        self.isSuffix = isSuffix
    }

    /// Whether a lower-cased A-label domain is meant.
    public func matches(_ domain: String) -> Bool {
        isSuffix ? domain.utf8.count > name.utf8.count + 1 && domain.hasSuffix("." + name) : domain == name
    }

    public var description: String { (isSuffix ? "." : "") + name }
}

/// An absolute path and the place that names it.
public struct PlannedPath: Sendable, Hashable, CustomStringConvertible {
    public var path: String
    @Incidental public var range: SourceRange

    public init(path: String, range: SourceRange) {
        self.path = path
        self.range = range
    }

    public var description: String { path }
}

/// Where limits and bans are kept.
public struct StatePlan: Sendable, Hashable {
    public enum Store: Sendable, Hashable {
        case memory
        /// Shared by several machines.
        case redis(RedisPlan)
    }

    public var store = Store.memory
    /// The file that outlives the process; nil for the service manager's state directory, if it gives one.
    public var path: PlannedPath?
}

/// How operators are told what rules that say `notify: true` have found.
public struct NotifyPlan: Sendable, Hashable {
    public var webhook: String?
    /// Addresses.
    public var mail: [String]
    /// The backend that takes the mail.
    public var backend: String
    /// Notices beyond it are counted, not sent.
    public var rate: ProtocolLimits.Rate

    public static let defaultRate = ProtocolLimits.Rate(count: 20, period: 3600 * 1_000_000_000)
}

/// How the running process is asked and told things.
public struct AdminPlan: Sendable, Hashable {
    /// The Unix socket of `reload`, `status` and the rest; its range is the whole file if it is the default.
    public var socket: PlannedPath
}

/// What is logged and where to.
public struct LogPlan: Sendable, Hashable {
    public enum Format: String, Sendable, Hashable, CaseIterable { case postfix, json }

    public enum Destination: Sendable, Hashable {
        case stderr
        case syslog
        case file(PlannedPath)
    }

    public var format: Format
    public var destination: Destination
    public var ident: String
}
