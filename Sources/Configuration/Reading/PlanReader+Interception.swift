internal import Diagnostics
internal import PolicyLanguage

/// `intercept: true`: a listener whose sockets come from the firewall's helper.
extension PlanReader {
    /// Keys that say where a listener is or what stands behind it, and why this one has none.
    private static let foreign: [(key: String, why: String)] = [
        ("port", "its sockets come from the firewall's helper"),
        ("bind", "its sockets come from the firewall's helper"),
        ("socket", "its sockets come from the firewall's helper"),
        ("backend", "each session goes to the server that it was meant for"),
        ("tls", "TLS is between the client and the server that it meant"),
        ("tls_options", "TLS is between the client and the server that it meant"),
        ("proxy_from", "the packet filter tells who the client is"),
        ("proxy_required", "the packet filter tells who the client is"),
    ]

    /// The longest text of an explanation: octets of a line, which keep the reply's lines under 512 (RFC 5321 4.5.3.1.5).
    private static let longestLine = 400
    private static let mostLines = 10

    func interceptingListener(
        _ pair: YAMLNode.Pair, _ section: Section, _ shown: String, _ context: ListenerContext
    ) -> ListenerPlan {
        for (key, why) in Self.foreign {
            guard let given = section[key] else { continue }
            error(.conflict, given.keyRange, "\(shown) intercepts, and has '\(key)'", hint: "remove it: \(why)")
        }
        let limits = protocolLimits(section["protocol"], shown: "'protocol' of \(shown)", over: context.protocolLimits)
        return ListenerPlan(
            name: pair.key, range: pair.keyRange, binding: .intercepted(explanation(section["explain"], shown)),
            tls: .starttls, backend: nil, policies: policies(section, shown, context.policies), proxyFrom: [],
            proxyRequired: false, protocolLimits: limits, timeouts: context.timeouts, tlsOptions: context.tlsOptions)
    }

    private func policies(_ section: Section, _ shown: String, _ library: PolicyLibrary) -> [PolicyReference] {
        if let pair = section["policies"] { return namedPolicies(pair, library) }
        error(
            .policyRequired, section.range, "\(shown) must name its policies",
            hint: "add 'policies: [outbound]', and policies/outbound to the top-level 'policies:'")
        return []
    }

    func checkExplainless(_ section: Section) {
        guard let given = section["explain"] else { return }
        error(.conflict, given.keyRange, "'explain' without 'intercept: true'", hint: "only intercepted hosts are told")
    }

    /// Whether there are listeners and all of them intercept.
    func isInterceptionAlone(_ pair: YAMLNode.Pair?) -> Bool {
        guard case .mapping(let entries) = pair?.value.value, !entries.isEmpty else { return false }
        return entries.allSatisfy { entry in
            guard case .mapping(let keys) = entry.value.value else { return false }
            return keys.contains {
                guard $0.key == "intercept", case .scalar("true", _) = $0.value.value else { return false }
                return true
            }
        }
    }

    // MARK: The text

    private func explanation(_ pair: YAMLNode.Pair?, _ shown: String) -> ExplanationPlan {
        guard let pair else { return ExplanationPlan(lines: ExplanationPlan.standardText) }
        let section = section(pair.value, "listeners.NAME.explain", shown: "'explain' of \(shown)", at: pair.keyRange)
        var lines = section["text"].map(lines) ?? []
        if lines.isEmpty { lines = ExplanationPlan.standardText }
        if let pair = section["url"], let url = url(pair) {
            lines.append(url)
            if url.utf8.count > Self.longestLine {
                error(.outOfRange, pair.value.range, "'url' is longer than \(Self.longestLine) characters")
            }
        }
        return ExplanationPlan(lines: lines)
    }

    private func lines(_ pair: YAMLNode.Pair) -> [String] {
        let nodes: [YAMLNode] = if case .sequence(let items) = pair.value.value { items } else { [pair.value] }
        if nodes.count > Self.mostLines {
            error(.outOfRange, pair.value.range, "'text' has \(nodes.count) lines, at most \(Self.mostLines) are sent")
        }
        return nodes.compactMap { node in
            guard let line = text(node, "text") else { return nil }
            if line.utf8.count <= Self.longestLine, line.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return line }
            error(
                .badValue, node.range, "a line of 'text' is printable ASCII of at most \(Self.longestLine) characters",
                hint: "several lines are a list: [first, second]")
            return nil
        }
    }
}
