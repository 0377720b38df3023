/// Every key of a policy of `kind: egress`; sections begin with `egress`.
enum EgressKeys {
    /// The section of the file's top level.
    static let top = "egress"
    static let zone = "egress.zones.NAME"
    static let list = "egress.lists.NAME"
    static let local = "egress.local"

    static let all: [FileKey] = [
        key(top, "version", "1", required: true, "the version of this format"),
        key(top, "policy", "name", required: true, "what commands, logs and metrics call it"),
        key(top, "kind", "egress", required: true, "who may speak port 25 through and from this machine"),
        key(top, "description", "text", "for people"),
        key(
            top, "mode", "enforce, monitor, disabled",
            "monitor makes every zone, `triangular` and `spoofed` count only; default enforce"),
        key(top, "zones", "mapping, NAME to zone", required: true, "interfaces and what their hosts may do"),
        key(top, "lists", "mapping, NAME to list", "`mail_hosts`, `relays` and `exempt`"),
        key(top, "local", "mapping", "this machine's own mail; without it no rule is made for that"),
        key(
            top, "triangular", "drop, monitor, accept",
            "a SYN/ACK from port 25 towards a host that may not send; default drop"),
        key(top, "spoofed", "drop, monitor, accept", "a source address behind the wrong interface; default drop"),
        key(top, "existing", "cut, keep", "connections that exist when the policy is applied; default cut"),
        key(top, "ports", "list of ports", "what hosts may not reach; default [25]"),
        key(top, "force", "\"\(PolicyKeys.understood)\"", "`ports` may name 465, 587 or 2525"),
        key(top, "log_group", "0 to 65535", "the NFLOG group of refused attempts; default 25"),
        key(
            zone, "interfaces", "name, or list of names", required: true, "such as lan0, or ppp* for all that begin so"),
        key(zone, "mode", "monitor, adaptive, block, explain, relay", required: true, "what becomes of port 25"),
        key(
            zone, "attempts", "rate and burst",
            "connections that a host of an adaptive zone may begin; default 30/h burst 10"),
        key(
            zone, "new_destinations", "rate and burst",
            "destinations that it did not try in the last hour; default 10/h burst 5"),
        key(zone, "block_for", "duration", "how long an adaptive zone refuses whom a meter caught; default 24h"),
        key(zone, "ipv6_prefix", "48 to 64", "the bits that tell IPv6 hosts apart; default 64"),
        key(
            zone, "upstream", "client, own", "whose address a relayed session has at its destination; default client"),
        key(list, "type", "cidr", required: true, "addresses and blocks"),
        key(list, "items", "list", "entries, here"),
        key(list, "file", "path", "entries, one a line, `#` comments, optional `until 2027-01-31` and a reason"),
        key(list, "expires", "optional, required", "whether every entry must say `until`"),
        key(local, "uids", "list of users", required: true, "names or numbers of users whose processes may send"),
        key(local, "mode", "monitor, block", required: true, "what becomes of everybody else's port 25"),
    ]

    private static func key(
        _ section: String, _ name: String, _ type: String, required: Bool = false, _ meaning: String
    ) -> FileKey {
        FileKey(section, name, type, required: required, meaning)
    }
}
