public import Reactor

/// Why the kernel's tables could not be read or changed; nothing of the change has happened unless it says so.
public enum FirewallFault: Error, Equatable, Sendable {
    /// The process may not change tables in this network namespace.
    case notPermitted
    /// The kernel was built without nf_tables, or its module could not be loaded.
    case noNFTables
    /// The kernel objected to one operation, and so to all of them.
    case refused(operation: String, reason: Errno, detail: String?)
    /// Somebody else changed tables between our look and our change, several times in a row.
    case changedMeanwhile
    /// The change is larger than the kernel takes at once (net.core.wmem_max, in a container).
    case tooLarge(octets: Int)
    /// The kernel did not answer: the change was not understood as one.
    case silent
    /// Answers were lost: whether the change happened has to be looked up.
    case repliesLost
    /// The table is there and belongs to another process.
    case ownedByAnother
    case socket(Errno)
}

extension FirewallFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notPermitted: "no permission to change nf_tables: run as root or with CAP_NET_ADMIN"
        case .noNFTables: "this kernel has no nf_tables (CONFIG_NF_TABLES, module nf_tables)"
        case .refused(let operation, let reason, let detail):
            "the kernel refused '\(operation)': \(detail.map { "\($0): " } ?? "")\(reason); nothing was changed"
        case .changedMeanwhile: "other programs keep changing the tables; nothing was changed, try again"
        case .tooLarge(let octets):
            "a change of \(octets) octets does not fit a netlink socket: raise net.core.wmem_max; nothing was changed"
        case .silent: "the kernel did not answer the change; nothing was changed"
        case .repliesLost: "answers of the kernel were lost (ENOBUFS)"
        case .ownedByAnother: "the table belongs to another process: is a second portreeve-firewall running?"
        case .socket(let error): "netlink: \(error)"
        }
    }

    /// What the kernel's refusal of a well-formed question means: nfnetlink has no subsystem for it.
    init(answer: Errno) {
        self = [22, 95].contains(answer.code) ? .noNFTables : FirewallFault(answer)  // EINVAL, EOPNOTSUPP
    }

    /// What a failed system call on the socket means.
    init(_ error: Errno, octets: Int = 0) {
        self =
            switch error.code {
            case 1, 13: .notPermitted  // EPERM, EACCES
            case 93, 97: .noNFTables  // EPROTONOSUPPORT, EAFNOSUPPORT
            case 90: .tooLarge(octets: octets)  // EMSGSIZE
            case 105: .repliesLost  // ENOBUFS
            case 11: .silent  // EAGAIN: the patience of a waiting call is over
            default: .socket(error)
            }
    }
}
