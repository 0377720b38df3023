internal import Bytes
internal import Diagnostics
internal import FirewallPlan
internal import Policy

/// `zones:` of a file of `kind: egress`.
extension PolicyReader {
    /// The longest name of a zone: names of chains and log prefixes are made of it.
    private static let longestName = 32
    private static let mostZones = 64

    typealias NamedZone = (zone: EgressPolicy.Zone, range: SourceRange)

    func zones(_ pair: YAMLNode.Pair?) -> [NamedZone] {
        guard let pair, let entries = mapping(pair.value, "'zones'") else { return [] }
        if entries.count > Self.mostZones {
            error(.outOfRange, pair.keyRange, "more than \(Self.mostZones) zones")
            return []
        }
        if entries.isEmpty { error(.wrongType, pair.keyRange, "'zones' has no zone") }
        var zones: [NamedZone] = []
        for entry in entries {
            guard let zone = zone(entry, after: zones) else { continue }
            zones.append((zone, entry.keyRange))
        }
        return zones
    }

    private func zone(_ pair: YAMLNode.Pair, after others: [NamedZone]) -> EgressPolicy.Zone? {
        guard name(pair.key, "zone", at: pair.keyRange) != nil else { return nil }
        if pair.key.utf8.count > Self.longestName || pair.key == EgressPolicy.localZone {
            error(
                .badValue, pair.keyRange, "'\(pair.key)' cannot name a zone",
                hint: "at most \(Self.longestName) letters, and not '\(EgressPolicy.localZone)', which is this machine")
        }
        let shown = "zone '\(pair.key)'"
        let section = section(pair.value, EgressKeys.zone, shown: shown, at: pair.keyRange)
        guard section.isReadable else { return nil }
        let interfaces = interfaces(section["interfaces"], after: others)
        guard let mode = choice(section["mode"], of: EgressPolicy.Zone.Mode.allCases) else { return nil }
        var zone = EgressPolicy.Zone(name: pair.key, interfaces: interfaces, mode: mode)
        zone.attempts = meter(section["attempts"]) ?? zone.attempts
        zone.newDestinations = meter(section["new_destinations"]) ?? zone.newDestinations
        let second: UInt64 = 1_000_000_000
        zone.blockFor =
            duration(section["block_for"], in: 60 * second...30 * 86_400 * second).map { $0 / second }
            ?? zone.blockFor
        zone.ipv6Prefix = number(section["ipv6_prefix"], in: 48...64).map(Int.init) ?? zone.ipv6Prefix
        zone.upstream = upstream(section["upstream"])
        for key in ["attempts", "new_destinations", "block_for"] where mode != .adaptive {
            refuse(section[key], "only a zone of 'mode: adaptive' has '\(key)'")
        }
        if mode != .relay { refuse(section["upstream"], "only a zone of 'mode: relay' has 'upstream'") }
        return zone
    }

    private func refuse(_ pair: YAMLNode.Pair?, _ message: String) {
        if let pair { error(.conflict, pair.keyRange, message, hint: "remove it, or change the mode") }
    }

    // MARK: Interfaces

    private func interfaces(_ pair: YAMLNode.Pair?, after others: [NamedZone]) -> [InterfacePattern] {
        var patterns: [InterfacePattern] = []
        for node in oneOrMore(pair) {
            guard let text = text(node, "interfaces") else { continue }
            guard let pattern = InterfacePattern(text) else {
                error(
                    .badValue, node.range, "'\(text)' is not the name of an interface",
                    hint: "at most \(InterfacePattern.longest) characters, with * only at the end")
                continue
            }
            if let other = others.first(where: { $0.zone.interfaces.contains(where: pattern.overlaps) }) {
                error(
                    .conflict, node.range, "interface '\(pattern)' is in zone '\(other.zone.name)' already",
                    hint: "an interface has one zone")
            } else if patterns.contains(where: pattern.overlaps) {
                error(.duplicateName, node.range, "interface '\(pattern)' is named twice")
            } else {
                patterns.append(pattern)
            }
        }
        return patterns
    }

    // MARK: Meters

    /// `30/h burst 10`.
    private func meter(_ pair: YAMLNode.Pair?) -> EgressPolicy.Meter? {
        guard let pair, let text = text(pair) else { return nil }
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 3, words[1] == "burst", let rate = Units.rate(words[0]), let burst = Units.number(words[2])
        else {
            error(
                .badUnit, pair.value.range, "'\(pair.key)' cannot be '\(text)'",
                hint: "a rate and a burst, such as 30/h burst 10")
            return nil
        }
        // The kernel's own arithmetic is in nanoseconds a packet and 32 bits of burst.
        guard rate.count <= 1_000_000, (1...65_535).contains(burst) else {
            error(
                .outOfRange, pair.value.range, "'\(pair.key)' is out of range",
                hint: "at most 1000000 in a unit, and a burst from 1 to 65535")
            return nil
        }
        return EgressPolicy.Meter(count: rate.count, unit: rate.period / 1_000_000_000, burst: UInt32(burst))
    }

    private enum Upstream: String, CaseIterable { case client, own }

    private func upstream(_ pair: YAMLNode.Pair?) -> Interception.Upstream {
        switch choice(pair, of: Upstream.allCases) {
        case .client, nil: .client
        case .own: .own
        }
    }
}
