/// Every key of a policy file: the source of "unknown key", of the schema and of the documentation.
public enum PolicyKeys {
    /// In the order of the documentation.
    public static let all: [FileKey] = top + lists + limits + rules + ban + EgressKeys.all

    public static func keys(of section: String) -> [FileKey] {
        all.filter { $0.section == section }
    }

    /// The sentence with which an operator takes the responsibility that a guard would refuse.
    public static let understood = "I understand"

    private static func key(
        _ section: String, _ name: String, _ type: String, required: Bool = false, _ meaning: String
    ) -> FileKey {
        FileKey(section, name, type, required: required, meaning)
    }

    private static let top = [
        key("", "version", "1", required: true, "the version of this format"),
        key("", "policy", "name", required: true, "what listeners, logs and metrics call it"),
        key("", "kind", "smtp, egress", "`egress` has keys of its own, below; default smtp"),
        key("", "description", "text", "for people"),
        key("", "mode", "enforce, monitor, disabled", "of all its rules; default enforce"),
        key("", "lists", "mapping, NAME to list", "what `in lists.NAME` looks into"),
        key("", "limits", "mapping, NAME to limit", "what `over: NAME` counts in"),
        key("", "rules", "list of rules", required: true, "asked in this order"),
        key("", "default", "accept, reject", required: true, "when no rule was decisive"),
        key("", "default_reply", "reply", "of `default: reject`"),
        key("", "allow_open_relay", "\"\(understood)\"", "the backend judges relaying itself"),
        key("", "allow_unauthenticated", "\"\(understood)\"", "a submission port passes MAIL without a login"),
        key("", "allow_cleartext_auth", "\"\(understood)\"", "passwords may come without TLS"),
    ]

    private static let lists = [
        key("lists.NAME", "type", "cidr, address, domain, string, map", required: true, "what its entries are"),
        key("lists.NAME", "items", "list; for `map` a mapping, KEY to list", "entries, here"),
        key("lists.NAME", "file", "path", "entries, one a line, `#` comments, optional `until 2027-01-31`"),
        key("lists.NAME", "expires", "optional, required", "whether every entry must say `until`"),
    ]

    private static let limits = [
        key("limits.NAME", "key", "field, or list of fields", required: true, "whose events are counted together"),
        key("limits.NAME", "rate", "rate", required: true, "events that pass steadily, such as `200/h`"),
        key("limits.NAME", "burst", "1 to 1000000000", "events that pass at once; default 1"),
        key("limits.NAME", "cost", "1 or `sender.size`", "what one event counts; default 1"),
        key("limits.NAME", "count", "attempted, accepted", "what is charged; default attempted"),
        key("limits.NAME", "scope", "node, cluster", "who shares the count; default node"),
        key("limits.NAME", "on_store_loss", "local, open, closed", "when the shared store is gone; default local"),
    ]

    private static let rules = [
        key("rules[]", "id", "name", required: true, "what logs, metrics and tests call it"),
        key("rules[]", "description", "text", "for people"),
        key("rules[]", "mode", "enforce, monitor, disabled", "default enforce"),
        key("rules[]", "at", "stage", required: true, "when it is asked"),
        key("rules[]", "when", "expression", "what must hold; default always"),
        key("rules[]", "unless", "expression", "what must not hold"),
        key("rules[]", "over", "limit, or list of limits", "holds when one of them is exceeded"),
        key("rules[]", "action", "accept, skip, reject, defer, drop, tag, delay, tarpit, ban", "what it does"),
        key("rules[]", "reply", "reply", "of reject, defer and drop"),
        key("rules[]", "tag", "name", "put into `session.tags` and the log"),
        key("rules[]", "delay", "duration", "waits once, at most 60 s"),
        key("rules[]", "tarpit", "duration", "waits before every later reply, at most 60 s"),
        key("rules[]", "ban", "mapping", "keeps the client's net or the user away"),
        key("rules[]", "notify", "true, false", "tells the operator (`notify:` of portreeve.yaml); default false"),
    ]

    private static let ban = [
        key("rules[].ban", "for", "duration", required: true, "how long, 1s to 365d"),
        key("rules[].ban", "what", "client, user", "whom: the client's net (default), or the login that holds"),
    ]
}
