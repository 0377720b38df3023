internal import Policy
public import PolicyLanguage

/// Every key of portreeve.yaml that this version has: the source of "unknown key", of defaults and of the documentation.
public enum ConfigurationKeys {
    /// In the order of the documentation.
    public static let all: [FileKey] =
        top + listeners + explain + certificates + tls("tls") + backends + state + admin + log + bans + notify
        + firewall
        + ProtocolSetting.all.map { $0.key(in: "protocol", of: .init()) } + prefix + timeouts
        + ClientTimeoutSetting.all.map { $0.key(in: "timeouts.client", of: .init()) }
        + BackendTimeoutSetting.all.map { $0.key(in: "timeouts.backend", of: .init()) }

    /// The keys that a section may have.
    public static func keys(of section: String) -> [FileKey] {
        all.filter { $0.section == section }
    }

    /// The default of one key as text; empty if it has none.
    public static func defaultText(_ path: String) -> String {
        all.first { $0.path == path }?.defaultText ?? ""
    }
}

// MARK: The sections

extension ConfigurationKeys {
    private static func key(
        _ section: String, _ name: String, _ type: String, default text: String? = nil, required: Bool = false,
        _ meaning: String
    ) -> FileKey {
        FileKey(section, name, type, default: text, required: required, meaning)
    }

    private static let top = [
        key("", "version", "1", required: true, "the version of this format"),
        key("", "hostname", "domain", required: true, "our banner, self-tests and health checks"),
        key("", "domains", "list of domains, `.suffix` for those below", default: "[]", "the domains that are ours"),
        key("", "user", "name", default: RunPlan.defaultUser, "started as root, the process becomes this user"),
        key("", "workers", "0 to 1024", default: "0", "worker threads; 0 is one per core"),
        key("", "listeners", "mapping, NAME to listener", required: true, "where clients connect"),
        key("", "certificates", "list", default: "[]", "chosen by SNI, else the first; read again when they change"),
        key("", "tls", "mapping", "TLS towards clients"),
        key(
            "", "backends", "mapping, NAME to backend", default: "required unless every listener intercepts",
            "the mail servers behind"),
        key("", "policies", "list of folders", default: "[]", "policies; listeners name them by their `policy:`"),
        key("", "state", "mapping", "where limits and bans are kept"),
        key("", "admin", "mapping", "how the running process is controlled"),
        key("", "log", "mapping", "what is logged and where to"),
        key("", "bans", "mapping", "who is never banned"),
        key("", "notify", "mapping", "where rules that say `notify: true` are told"),
        key("", "firewall", "mapping", "who may speak port 25 through and from this machine"),
        key("", "protocol", "mapping", "bounds of a session; a listener may override any of them"),
        key("", "timeouts", "mapping", "how long each side may take"),
    ]

    private static let listeners = [
        key("listeners.NAME", "port", "1 to 65535", "binds 0.0.0.0 and [::] (one of `port`, `bind`, `socket`)"),
        key("listeners.NAME", "bind", "list of ADDRESS:PORT", "binds these; port 0 is chosen by the kernel"),
        key("listeners.NAME", "socket", "name", "takes the socket of this name from systemd"),
        key(
            "listeners.NAME", "intercept", "true, false", default: "false",
            "serves the zones of `firewall` with `mode: explain` or `relay`, instead of a port"),
        key("listeners.NAME", "explain", "mapping", "what hosts of `explain` zones are told; only with `intercept`"),
        key(
            "listeners.NAME", "backend", "name of a backend", default: "required unless it intercepts",
            "where accepted mail goes"),
        key(
            "listeners.NAME", "policies", "list of names",
            default: "inbound for port 25, submission for 465, 587, 2525", "asked in this order"),
        key(
            "listeners.NAME", "tls", "implicit, starttls, none", default: "implicit on 465, else starttls",
            "when TLS begins"),
        key("listeners.NAME", "tls_options", "mapping, keys of `tls`", "overrides `tls` for this listener"),
        key("listeners.NAME", "proxy_from", "list of CIDR", default: "[]", "from there a PROXY header is required"),
        key(
            "listeners.NAME", "proxy_required", "true, false", default: "false",
            "refuses sessions without a PROXY header"),
        key("listeners.NAME", "protocol", "mapping, keys of `protocol`", "overrides `protocol` for this listener"),
    ]

    private static let explain = [
        key(
            "listeners.NAME.explain", "text", "text, or list of lines",
            default: "two lines that name ports 465 and 587", "the lines of the 554 that stands for a greeting"),
        key("listeners.NAME.explain", "url", "URL, http or https", "its last line"),
    ]

    private static let certificates = [
        key(
            "certificates[]", "names", "list of domains", required: true, "the SNI names it is for; `*.` for one label"),
        key("certificates[]", "chain", "path", required: true, "PEM, leaf first"),
        key("certificates[]", "key", "path", required: true, "PEM, without a pass phrase"),
    ]

    private static func tls(_ section: String) -> [FileKey] {
        [
            key(section, "min_version", "TLS1.2, TLS1.3", default: "TLS1.2", "the oldest version that is spoken"),
            key(section, "client_certificates", "none, request, require", default: "none", "whether clients show one"),
            key(
                section, "ca", "path", "PEM, what client certificates must lead to; required unless none are asked for"),
        ]
    }

    private static let backends = [
        key("backends.NAME", "servers", "list of HOST:PORT", required: true, "addresses or DNS names"),
        key(
            "backends.NAME", "identity", "xclient, proxy-v2, proxy-v1, none", default: "xclient",
            "how the backend learns who the client is"),
        key("backends.NAME", "auth", "none, relay", default: "none", "who judges logins; none never offers AUTH"),
        key("backends.NAME", "realm", "domain", "completes a login without `@`"),
        key("backends.NAME", "max_sessions", "1 to 100000", default: "100", "sessions at one server"),
        key("backends.NAME", "tls", "none, starttls, implicit", default: "none", "TLS towards the server"),
        key("backends.NAME", "verify", "true, false", default: "true", "whether its certificate is verified"),
        key("backends.NAME", "tls_name", "domain", default: "the host of the server", "the name its certificate has"),
        key("backends.NAME", "ca", "path", default: "the system's", "PEM, what its certificate must lead to"),
    ]

    private static let state = [
        key(
            "state", "store", "memory, redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], rediss://…", default: "memory",
            "where limits of `scope: cluster` and bans are kept; rediss is Redis inside TLS"),
        key(
            "state", "servers", "list of HOST:PORT",
            "more nodes of a Redis Cluster, or servers that stand in for the first"),
        key("state", "password_file", "path", "its first line is the store's password"),
        key(
            "state", "tls_name", "domain", "what the store's certificate must be for; else the server's name or address"
        ),
        key("state", "ca", "path", "PEM, what the store's certificate must lead to; else the system's authorities"),
        key(
            "state", "path", "path",
            "outlives the process, written every 10 s and at the end; else limits.state in systemd's StateDirectory"),
    ]

    private static let admin = [
        key("admin", "socket", "path", default: "/run/portreeve/control.sock", "the Unix socket of the commands")
    ]

    private static let log = [
        key("log", "format", "postfix, json", default: "postfix", "the words of the lines"),
        key("log", "to", "stderr, syslog or a path", default: "stderr", "a path has a slash in it"),
        key("log", "ident", "text", default: "postfix-portreeve/smtpd", "the program's name in syslog lines"),
    ]

    private static let firewall = [
        key(
            "firewall", "policy", "folder", required: true,
            "a policy of `kind: egress`; `portreeve firewall apply` applies it"),
        key(
            "firewall", "socket", "path", default: "/run/portreeve-firewall/helper.sock",
            "where `portreeve-firewall serve` answers"),
    ]

    private static let bans = [
        key("bans", "never", "list of CIDR", default: "[]", "these are never banned")
    ]

    private static let notify = [
        key("notify", "webhook", "URL, http or https", "gets a POST with one JSON object"),
        key("notify", "mail", "address, or list of addresses", "gets a message by a backend, past every rule of ours"),
        key("notify", "backend", "name of a backend", default: "the first", "takes that mail for these addresses"),
        key("notify", "rate", "rate", default: Units.rate(NotifyPlan.defaultRate), "beyond it they are only counted"),
    ]

    private static let prefix = [
        key("protocol.client_prefix", "ipv4", "8 to 32", default: "32", "bits that tell IPv4 clients apart"),
        key("protocol.client_prefix", "ipv6", "16 to 128", default: "64", "bits that tell IPv6 clients apart"),
    ]

    private static let timeouts = [
        key("timeouts", "client", "mapping", "waiting for the client"),
        key("timeouts", "backend", "mapping", "waiting for the backend"),
    ]
}
