import CLinux
import Glibc

/// What a daemon does to its own process at start.
public enum Privileges {
    /// Which step of giving up root failed, and why.
    public enum Failure: Error, Sendable, Equatable {
        case unknownUser(String)
        case unknownGroup(String)
        case refused(Errno)
    }

    /// Becomes `user` (and `group`, else the user's own) for good: ids real, effective and saved, and groups.
    ///
    /// It is checked that there is no way back. Call it before any thread exists, after the ports are open.
    public static func drop(to user: String, group: String? = nil) throws(Failure) {
        var (uid, gid): (UInt32, UInt32) = (0, 0)
        guard reeve_find_user(user, &uid, &gid) == 0 else { throw .unknownUser(user) }
        if let group {
            guard reeve_find_group(group, &gid) == 0 else { throw .unknownGroup(group) }
        }
        guard reeve_drop_privileges(user, uid, gid) == 0 else { throw .refused(.last) }
    }

    /// The ids of `user`, or nil if there is no such user.
    public static func identity(of user: String) -> (uid: UInt32, gid: UInt32)? {
        var (uid, gid): (UInt32, UInt32) = (0, 0)
        return reeve_find_user(user, &uid, &gid) == 0 ? (uid, gid) : nil
    }

    /// Raises the number of open descriptors to the hard limit and returns what is in force.
    public static func raiseDescriptorLimit() throws(Errno) -> UInt64 {
        var limit: UInt64 = 0
        guard reeve_raise_descriptor_limit(&limit) == 0 else { throw .last }
        return limit
    }
}

extension Privileges {
    /// Leaves the process the system calls of a daemon with sockets and files, and EPERM for all others, for good.
    ///
    /// No program is executed after it, no process made, and no memory becomes executable. Without `everyThread` it holds
    /// for this thread and those that it starts.
    public static func confineSystemCalls(everyThread: Bool = true) throws(Errno) {
        guard reeve_confine_system_calls(everyThread ? 1 : 0) == 0 else { throw .last }
    }

    /// Keeps CAP_NET_ADMIN alone, for good; a process that has not even that finds out at its first use.
    public static func keepNetworkAdministration() throws(Errno) {
        guard reeve_keep_net_admin() == 0 else { throw .last }
    }
}
