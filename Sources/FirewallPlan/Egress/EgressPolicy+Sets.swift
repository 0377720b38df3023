internal import Bytes

extension EgressPolicy {
    func sets(at site: Site) -> [NamedSet] {
        var sets = Family.allCases.flatMap { listSets($0, site) + handSets($0) + evidenceSets($0) }
        let adaptive = zones.filter { $0.mode == .adaptive }
        if adaptive.contains(where: isMonitoring) {
            sets += Family.allCases.map { .caught("noted\($0.suffix)", $0.key, comment: "a meter would have caught") }
        }
        sets += adaptive.flatMap(meterSets)
        if local != nil { sets.append(localUsers(site)) }
        if !site.gatewayPorts.isEmpty { sets += banSets(site) }
        return sets
    }

    /// What the policy's lists say.
    private func listSets(_ family: Family, _ site: Site) -> [NamedSet] {
        [
            NamedSet(
                "mail_hosts\(family.suffix)", family.key, flags: .interval, comment: "may send on port 25",
                elements: AddressIntervals.elements(mailHosts, family)),
            NamedSet(
                "relays\(family.suffix)", family.key, flags: .interval, comment: "everyone may reach them",
                elements: AddressIntervals.elements(relays, family)),
            // No intervals with timeouts: their halves would end apart.
            NamedSet(
                "exempt\(family.suffix)", family.key, flags: .timeout, comment: "may send for a time",
                elements: exemptElements(family, now: site.now)),
        ]
    }

    private func exemptElements(_ family: Family, now: UInt64) -> [SetElement] {
        var latest: [[UInt8]: Exemption] = [:]
        for exemption in exemptions where exemption.host.address.family == family {
            guard exemption.until.map({ $0 > now }) ?? true else { continue }
            let key = exemption.host.hostKey
            if let other = latest[key], (other.until ?? .max) >= (exemption.until ?? .max) { continue }
            latest[key] = exemption
        }
        return latest.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { key, exemption in
            // Only an element that names a time gets one; no time here means never, as the set has none itself.
            SetElement(
                key, timeout: exemption.until.map { ($0 - now) * 1000 }, comment: exemption.comment)
        }
    }

    /// What commands write.
    private func handSets(_ family: Family) -> [NamedSet] {
        [
            NamedSet(
                HostSet.allowed.name(family), family.key, flags: .timeout, comment: "by hand: may send",
                contents: .live),
            NamedSet(
                HostSet.denied.name(family), family.key, flags: .timeout, comment: "by hand: may not send",
                contents: .live),
            .caught(HostSet.blocked.name(family), family.key, comment: "a meter caught them"),
        ]
    }

    private func evidenceSets(_ family: Family) -> [NamedSet] {
        [
            .meter(
                "seen\(family.suffix)", family.key, timeout: 86_400_000,
                comment: "who was refused, or would have been"),
            .meter("logged\(family.suffix)", family.key, timeout: 300_000, comment: "at most 6 log records a minute"),
        ]
    }

    private func localUsers(_ site: Site) -> NamedSet {
        let uids = Set((local?.uids ?? []) + [site.gatewayUID].compactMap { $0 })
        return NamedSet(
            "local_users", KeyType(.uid), comment: "whose processes may send on port 25",
            elements: uids.sorted().map { SetElement($0.machineOctets) })
    }
}

extension NamedSet {
    static func caught(_ name: String, _ key: KeyType, comment: String) -> NamedSet {
        .meter(name, key, timeout: 86_400_000, comment: comment)
    }
}

extension EgressPolicy.Exemption {
    /// The reason and the end, by which two exemptions of one host are told apart.
    var comment: String {
        let end = until.map { "until \(day.isEmpty ? "\($0)" : day)" } ?? ""
        let text = reason.isEmpty ? end : end.isEmpty ? reason : "\(end): \(reason)"
        return String(decoding: text.utf8.prefix(Rule.longestComment), as: UTF8.self)
    }
}
