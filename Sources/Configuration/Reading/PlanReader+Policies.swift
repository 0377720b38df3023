internal import Bytes
internal import Diagnostics
internal import Policy
internal import PolicyLanguage

/// The policies that listeners can name: those of `policies:`, and the built-in ones that no file replaces.
struct PolicyLibrary {
    var loaded: [String: LoadedPolicy] = [:]
    /// Names of policies that were named but have errors: reported already.
    var broken: Set<String> = []
    /// Something in `policies:` has errors that leave even its name unknown.
    var hasNameless = false
    /// Absolute paths of everything that was read.
    var files: [String] = []

    func policy(named name: String) -> LoadedPolicy? {
        loaded[name] ?? (broken.contains(name) ? nil : BuiltInPolicies.policy(named: name))
    }

    /// All names, sorted.
    var names: [String] { Set(loaded.keys).union(BuiltInPolicies.names).sorted() }
}

/// `policies:` of the file and of its listeners.
extension PlanReader {
    /// Reads every policy folder; what is wrong with one is reported and the others are still read.
    func policyLibrary(_ pair: YAMLNode.Pair?) -> PolicyLibrary {
        var library = PolicyLibrary()
        var places: [String: SourceRange] = [:]
        for item in list(pair) {
            guard let text = text(item, "policies") else { continue }
            let outcome = policyOutcome(text, at: item.range)
            library.files +=
                [
                    FilePaths.absolute(text, in: directory) + "/" + PolicyLoader.fileName
                ] + outcome.listFiles
            if outcome.egress != nil {
                error(
                    .conflict, item.range, "'\(text)' is a policy of kind egress",
                    hint: "name it in 'firewall: { policy: \(text) }'")
            }
            guard let policy = outcome.policy else {
                let folder = text.split(separator: "/").last.map(String.init) ?? text
                library.broken.insert(folder)
                library.hasNameless = true
                continue
            }
            if let first = places[policy.name] {
                error(
                    .duplicateName, item.range, "two policies are called '\(policy.name)'",
                    hint: "the first is in line \(first.line)")
            }
            places[policy.name] = item.range
            library.loaded[policy.name] = policy
        }
        return library
    }

    /// A policy folder, with what is wrong with it reported.
    func policyOutcome(_ text: String, at range: SourceRange) -> PolicyOutcome {
        let path = FilePaths.absolute(text, in: directory)
        let outcome = checks.policies.load(path: path, shown: shown(text))
        if outcome.sources.isEmpty {
            error(
                .fileMissing, range, "no policy can be read here", hint: "looked for \(path)/\(PolicyLoader.fileName)")
        } else {
            add(outcome.findings)
            sources += outcome.sources
        }
        return outcome
    }

    /// A path beside the configuration, as the operator would name it.
    private func shown(_ path: String) -> String {
        guard !path.hasPrefix("/"), let slash = source.name.lastIndex(of: "/") else { return path }
        return source.name[...slash] + path
    }

    // MARK: Listeners

    /// The policies that a port has when none are named (only with `port:`).
    private static let defaults: [UInt16: String] = [
        25: "inbound", 465: "submission", 587: "submission", 2525: "submission",
    ]

    func policies(
        _ section: Section, _ ports: [UInt16], _ shown: String, _ library: PolicyLibrary
    ) -> [PolicyReference] {
        if let pair = section["policies"] { return namedPolicies(pair, library) }
        if section["port"] != nil, let port = ports.first, let name = Self.defaults[port] {
            return library.policy(named: name).map { [PolicyReference(policy: $0, range: section.range)] } ?? []
        }
        if section["port"] == nil || !ports.isEmpty {
            error(
                .policyRequired, section.range, "\(shown) must name its policies",
                hint: "add 'policies: [submission]' or 'policies: [inbound]'",
                notes: ["only 'port:' 25, 465, 587 and 2525 have a policy of their own"])
        }
        return []
    }

    func namedPolicies(_ pair: YAMLNode.Pair, _ library: PolicyLibrary) -> [PolicyReference] {
        if pair.value.value == .sequence([]) {
            error(.policyRequired, pair.value.range, "'policies' needs at least one policy")
        }
        var result: [PolicyReference] = []
        for item in list(pair) {
            guard let text = text(item, "policies") else { continue }
            guard let policy = library.policy(named: text) else {
                if !library.broken.contains(text), !library.hasNameless { reportPolicy(text, item.range, library) }
                continue
            }
            if result.contains(where: { $0.policy.name == policy.name }) {
                error(.duplicateName, item.range, "policy '\(text)' is named twice")
            }
            result.append(PolicyReference(policy: policy, range: item.range))
        }
        return result
    }

    private func reportPolicy(_ name: String, _ range: SourceRange, _ library: PolicyLibrary) {
        let isPath = name.contains("/")
        let near = Suggestion.nearest(to: name, in: library.names)
        error(
            .unknownName, range, "unknown policy '\(name)'",
            hint: isPath
                ? "name the folder in the top-level 'policies:', and here the policy"
                : near.map { "did you mean '\($0)'?" },
            notes: ["policies: \(library.names.joined(separator: " "))"])
    }

    // MARK: Guards

    /// What no policy file can forget (POLICY, "Guards at load").
    func checkGuards(_ plan: ListenerPlan, _ section: Section, _ context: ListenerContext) {
        // Without a policy that has errors, the others say nothing about the listener.
        if case .sequence(let named) = section["policies"]?.value.value, named.count != plan.policies.count { return }
        guard !plan.policies.isEmpty else { return }
        let backend = context.backends.first { $0.name == plan.backend }
        let range = section["policies"]?.value.range ?? plan.range
        for port in Set(plan.endpoints.map(\.endpoint.port)).sorted().ifEmpty([0]) {
            let listener = GuardedListener(
                name: plan.name, port: port, tls: plan.tls.guarded, offersAuth: backend?.auth == .relay, range: range)
            add(
                LoadGuard.findings(
                    listener, policies: plan.policies.map(\.policy), ourDomains: context.ourDomains))
        }
    }
}

extension TLSMode {
    fileprivate var guarded: GuardedListener.TLS {
        switch self {
        case .none: .none
        case .starttls: .starttls
        case .implicit: .implicit
        }
    }
}

extension Array {
    fileprivate func ifEmpty(_ other: [Element]) -> [Element] { isEmpty ? other : self }
}
