// Adaptive zones: a host is refused for a time once it begins too many connections, or goes to too many new places.
extension EgressPolicy {
    /// Whom a meter caught.
    ///
    /// Monitored zones use another set, so that nobody is blocked for what was only counted.
    func caughtSet(_ zone: Zone, _ family: Family) -> String {
        isMonitoring(zone) ? "noted\(family.suffix)" : HostSet.blocked.name(family)
    }

    func blockedRules(_ zone: Zone, to chain: String) -> [Rule] {
        Family.allCases.map { family in
            RuleBuilder().address(.source, family, prefix: family.prefix(zone.ipv6Prefix), in: caughtSet(zone, family))
                .verdict(.goto(chain)).rule()
        }
    }

    func meterChains(_ zone: Zone) -> [Chain] {
        let caught = "caught_\(zone.name)"
        let attempts = Family.allCases.map { family in
            metered(zone, family, in: "rate\(family.suffix)_\(zone.name)", zone.attempts)
        }
        let destinations = Family.allCases.flatMap { newDestinationRules(zone, $0) }
        return [
            Chain(
                "measure_\(zone.name)",
                rules: attempts + blockedRules(zone, to: caught) + destinations + blockedRules(zone, to: caught)),
            Chain(
                caught,
                rules: [
                    RuleBuilder().counting("caught_\(zone.name)").log(.caught, zone: zone.name, group: logGroup).rule(),
                    RuleBuilder().verdict(.goto(verdictName(zone))).rule(),
                ]),
        ]
    }

    /// Counts the host; beyond the rate the same rule puts it among the blocked, where the next rule looks.
    private func metered(_ zone: Zone, _ family: Family, in set: String, _ meter: Meter) -> Rule {
        let prefix = family.prefix(zone.ipv6Prefix)
        return RuleBuilder().load(.source, family, prefix: prefix)
            .update(.update, set, .limit(meter.excess))
            .load(.source, family, prefix: prefix)
            .update(.add, caughtSet(zone, family), timeout: zone.blockFor * 1000).rule()
    }

    private func newDestinationRules(_ zone: Zone, _ family: Family) -> [Rule] {
        let pairs = "pair\(family.suffix)_\(zone.name)"
        let pair = RuleBuilder().loadPair(family, prefix: family.prefix(zone.ipv6Prefix))
        return [
            pair.adding(.lookup(set: pairs, .r1, isInverted: false)).verdict(.return).rule(),
            pair.update(.add, pairs).rule(),
            metered(zone, family, in: "fan\(family.suffix)_\(zone.name)", zone.newDestinations),
        ]
    }

    func meterSets(_ zone: Zone) -> [NamedSet] {
        Family.allCases.flatMap { family -> [NamedSet] in
            let suffix = "\(family.suffix)_\(zone.name)"
            return [
                .meter("rate\(suffix)", family.key, timeout: zone.attempts.memory, comment: zone.attempts.inWords),
                .meter(
                    "pair\(suffix)", family.pairKey, timeout: 3_600_000, size: 262_144,
                    comment: "destinations of the last hour"),
                .meter(
                    "fan\(suffix)", family.key, timeout: zone.newDestinations.memory,
                    comment: zone.newDestinations.inWords),
            ]
        }
    }
}

extension EgressPolicy.Meter {
    /// In the set's comment: a set whose rate changes is made again, because elements keep the rate they began with.
    var inWords: String { "\(count) in \(unit) s, burst \(burst)" }
}

extension NamedSet {
    /// A set that rules fill: bounded, and every element ends.
    static func meter(
        _ name: String, _ key: KeyType, timeout: UInt64, size: UInt32 = 65_536, comment: String
    ) -> NamedSet {
        NamedSet(
            name, key, flags: [.dynamic, .timeout], timeout: timeout, size: size, comment: comment, contents: .live)
    }
}

extension Family {
    var key: KeyType {
        switch self {
        case .ipv4: .ipv4
        case .ipv6: .ipv6
        }
    }

    var pairKey: KeyType {
        switch self {
        case .ipv4: KeyType(.ipv4Address, .ipv4Address)
        case .ipv6: KeyType(.ipv6Address, .ipv6Address)
        }
    }
}
