/// Where the helper keeps things unless it is told otherwise.
///
/// Beside the gateway's directories, not in them: what root writes must not stand where the gateway's user could rename
/// or link it.
public enum HelperPaths {
    /// The socket that it is asked on.
    public static let socket = "/run/portreeve-firewall/helper.sock"
    /// The directory of the confirmed plan, of what was allowed and denied by hand, and of the offenders.
    public static let state = "/var/lib/portreeve-firewall"
}
