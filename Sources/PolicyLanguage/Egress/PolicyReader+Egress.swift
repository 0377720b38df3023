internal import Bytes
internal import Diagnostics
internal import FirewallPlan
internal import Policy

/// A file of `kind: egress`.
extension PolicyReader {
    private enum Reaction: String, CaseIterable { case drop, monitor, accept }
    private enum Existing: String, CaseIterable { case cut, keep }

    /// What the file says; means something only if no error was reported.
    func egress(_ root: YAMLNode) -> (policy: EgressPolicy, nameRange: SourceRange, zones: [String: SourceRange])? {
        let top = section(root, EgressKeys.top, shown: "the policy", at: .file(source.name))
        guard top.isReadable else { return nil }
        checkVersion(top["version"])
        var policy = EgressPolicy(name: "")
        var nameRange = SourceRange.file(source.name)
        if let pair = top["policy"], let text = text(pair), let name = name(text, "policy", at: pair.value.range) {
            policy.name = name
            nameRange = pair.value.range
        }
        _ = top["description"].flatMap { text($0) }
        let mode = choice(top["mode"], of: [Mode.enforce, .monitor, .disabled]) ?? .enforce
        policy.isMonitored = mode == .monitor
        let zones = zones(top["zones"])
        policy.zones = zones.map(\.zone)
        readEgressLists(top["lists"], into: &policy)
        policy.local = local(top["local"])
        policy.triangular = reaction(top["triangular"])
        policy.spoofed = reaction(top["spoofed"])
        policy.keepsExisting = choice(top["existing"], of: Existing.allCases) == .keep
        policy.ports = ports(top["ports"], isForced: isUnderstood(top["force"]))
        policy.logGroup = number(top["log_group"], in: 0...65_535).map { UInt16($0) } ?? policy.logGroup
        if policy.mailHosts.isEmpty, !zones.isEmpty, !findings.hasErrors {
            warning(
                .noMailHosts, top["lists"]?.keyRange ?? nameRange, "no host may speak port 25: 'mail_hosts' is empty",
                hint: "list the mail servers of your network")
        }
        if mode == .disabled { (policy.zones, policy.local) = ([], nil) }
        return (policy, nameRange, Dictionary(zones.map { ($0.zone.name, $0.range) }) { first, _ in first })
    }

    private func reaction(_ pair: YAMLNode.Pair?) -> EgressPolicy.Reaction {
        switch choice(pair, of: Reaction.allCases) {
        case .drop, nil: .drop
        case .monitor: .monitor
        case .accept: .accept
        }
    }

    // MARK: Ports

    /// Ports that people's mail programs use, and that nobody closes by accident.
    private static let submissionPorts: [UInt64] = [465, 587, 2525]

    private func ports(_ pair: YAMLNode.Pair?, isForced: Bool) -> [UInt16] {
        guard let pair else { return [25] }
        var ports: [UInt16] = []
        for node in list(pair) {
            guard let text = text(node, "ports") else { continue }
            guard let number = Units.number(text), number == 25 || Self.submissionPorts.contains(number) else {
                error(
                    .badValue, node.range, "port '\(text)' is not one that mail uses",
                    notes: ["ports: 25 465 587 2525"])
                continue
            }
            if number != 25, !isForced {
                error(
                    .submissionPort, node.range, "port \(number) is where people's mail programs log in",
                    hint: "leave it open, or say 'force: \"\(PolicyKeys.understood)\"'")
            }
            if !ports.contains(UInt16(number)) { ports.append(UInt16(number)) }
        }
        if ports.isEmpty, !findings.hasErrors { error(.wrongType, pair.value.range, "'ports' has no value") }
        return ports
    }

    // MARK: This machine

    private enum LocalMode: String, CaseIterable { case monitor, block }

    private func local(_ pair: YAMLNode.Pair?) -> EgressPolicy.Local? {
        guard let pair else { return nil }
        let section = section(pair.value, EgressKeys.local, shown: "'local'", at: pair.keyRange)
        guard section.isReadable else { return nil }
        let uids = list(section["uids"]).compactMap { node -> UInt32? in
            guard let text = text(node, "uids") else { return nil }
            if let number = Units.number(text) {
                if let uid = UInt32(exactly: number) { return uid }
                error(.outOfRange, node.range, "'\(text)' is no user's number")
                return nil
            }
            if let uid = files.user(text) { return uid }
            warning(
                .unknownUser, node.range, "there is no user '\(text)' on this machine",
                hint: "nobody may send in that name until there is one")
            return nil
        }
        let mode = choice(section["mode"], of: LocalMode.allCases) ?? .monitor
        return EgressPolicy.Local(uids: uids, isBlocking: mode == .block)
    }
}
