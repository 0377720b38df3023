internal import Bytes
internal import Diagnostics
internal import Policy
internal import PolicyLanguage

/// What the listeners take from the rest of the file.
struct ListenerContext {
    var backends: [BackendPlan]
    var hasCertificates: Bool
    var protocolLimits: ProtocolLimits
    var timeouts: Timeouts
    var policies: PolicyLibrary
    /// `domains:` as written.
    var ourDomains: [String]
    var tlsOptions: TLSOptions
}

/// `listeners:`.
extension PlanReader {
    func listeners(_ pair: YAMLNode.Pair?, _ context: ListenerContext) -> [ListenerPlan] {
        guard let pair else { return [] }
        guard let entries = mapping(pair.value, "'listeners'") else { return [] }
        if entries.isEmpty {
            error(.missingKey, pair.keyRange, "'listeners' needs at least one listener")
        }
        let plans = entries.compactMap { listener($0, context) }
        checkEndpoints(plans)
        checkBackendsUsed(entries, context.backends)
        return plans
    }

    private func listener(_ pair: YAMLNode.Pair, _ context: ListenerContext) -> ListenerPlan? {
        _ = checkName(pair, "listener")
        let shown = "listener '\(pair.key)'"
        let section = section(pair.value, "listeners.NAME", shown: shown, at: pair.keyRange)
        guard section.isReadable else { return nil }
        if flag(section["intercept"]) ?? false { return interceptingListener(pair, section, shown, context) }
        checkExplainless(section)
        let limits = protocolLimits(section["protocol"], shown: "'protocol' of \(shown)", over: context.protocolLimits)
        let options = tlsOptions(section["tls_options"], over: context.tlsOptions)
        let proxyFrom = prefixes(section["proxy_from"])
        let proxyRequired = flag(section["proxy_required"]) ?? false
        if proxyRequired, section["proxy_from"].map({ $0.value.value == .sequence([]) }) ?? true,
            let given = section["proxy_required"]
        {
            error(
                .conflict, given.keyRange, "'proxy_required' without 'proxy_from' refuses everybody",
                hint: "add 'proxy_from'")
        }
        require("backend", in: section, shown)
        let backend = backendName(section["backend"], context.backends)
        guard let binding = binding(section, shown) else { return nil }
        let ports = portsForDefaults(binding, section)
        let tls = tlsMode(section, ports, shown)
        if tls != .none, !context.hasCertificates {
            error(
                .certificateRequired, section["tls"]?.value.range ?? pair.keyRange,
                "\(shown) speaks TLS, and there is no certificate", hint: "add 'certificates:', or 'tls: none'")
        }
        let policies = policies(section, ports, shown, context.policies)
        guard let backend else { return nil }
        let plan = ListenerPlan(
            name: pair.key, range: pair.keyRange, binding: binding, tls: tls, backend: backend, policies: policies,
            proxyFrom: proxyFrom, proxyRequired: proxyRequired, protocolLimits: limits, timeouts: context.timeouts,
            tlsOptions: options)
        checkGuards(plan, section, context)
        return plan
    }

    private func backendName(_ pair: YAMLNode.Pair?, _ backends: [BackendPlan]) -> String? {
        guard let pair, let text = text(pair) else { return nil }
        let names = backends.map(\.name)
        if names.contains(text) { return text }
        error(
            .unknownName, pair.value.range, "unknown backend '\(text)'",
            hint: Suggestion.nearest(to: text, in: names).map { "did you mean '\($0)'?" },
            notes: names.isEmpty ? [] : ["backends: \(names.joined(separator: " "))"])
        return nil
    }

    /// 465 is implicit TLS (RFC 8314 §3.3), every other port begins in plaintext.
    private func tlsMode(_ section: Section, _ ports: [UInt16], _ shown: String) -> TLSMode {
        if let pair = section["tls"] { return choice(pair) ?? .starttls }
        let implicit = ports.count { $0 == 465 }
        if implicit > 0, implicit < ports.count {
            error(
                .conflict, section["bind"]?.keyRange ?? section.range, "\(shown) mixes port 465 with others",
                hint: "say 'tls:'")
        }
        return implicit > 0 ? .implicit : .starttls
    }

    /// A backend that nothing uses is probably a slip, but no harm.
    private func checkBackendsUsed(_ entries: [YAMLNode.Pair], _ backends: [BackendPlan]) {
        let used = entries.flatMap { entry -> [String] in
            guard case .mapping(let pairs) = entry.value.value else { return [] }
            return pairs.compactMap { pair in
                guard pair.key == "backend", case .scalar(let text, _) = pair.value.value else { return nil }
                return text
            }
        }
        // An unknown name was reported, and is probably the one that is missing here.
        guard used.allSatisfy({ name in backends.contains { $0.name == name } }) else { return }
        for backend in backends where !used.contains(backend.name) {
            warning(.unusedName, backend.range, "no listener uses backend '\(backend.name)'")
        }
    }
}
