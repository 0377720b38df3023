/// Zones as the rules have them, for whoever has the rules and not the policy.
extension Ruleset {
    /// Each interface that leads into a zone, in the order of the rules.
    public var zoneEntries: [(zone: String, interface: InterfacePattern)] {
        var entries: [(zone: String, interface: InterfacePattern)] = []
        for rule in chain("forward")?.rules ?? [] {
            guard let target = rule.expressions.compactMap(\.chain).first, target.hasPrefix("zone_") else { continue }
            for (load, compare) in zip(rule.expressions, rule.expressions.dropFirst()) {
                guard case .meta(.inputName, _) = load, case .compare(_, .equal, let value) = compare else { continue }
                let name = String(decoding: value.prefix { $0 != 0 }, as: UTF8.self) + (value.count < 16 ? "*" : "")
                let zone = String(target.dropFirst("zone_".count))
                guard let interface = InterfacePattern(name),
                    !entries.contains(where: { $0.zone == zone && $0.interface == interface })
                else { continue }
                entries.append((zone, interface))
            }
        }
        return entries
    }

    /// The group that its rules log to; plans have one.
    public var logGroup: UInt16? {
        for expression in chains.lazy.flatMap(\.rules).flatMap(\.expressions) {
            if case .log(let group, _, _, _) = expression { return group }
        }
        return nil
    }

    /// How many bits tell a zone's IPv6 hosts apart: those by which its refusals are counted.
    ///
    /// Nil for a zone that it does not have.
    public func hostBits(of zone: String) -> Int? {
        let names = zone == EgressPolicy.localZone ? ["local_mail"] : ["refuse_\(zone)", "observe_\(zone)"]
        for rule in names.lazy.compactMap(chain).first?.rules ?? [] {
            guard case .dynset(let update)? = rule.expressions.last, update.set == "seen\(Family.ipv6.suffix)" else {
                continue
            }
            for case .bitwise(_, _, let mask, _) in rule.expressions {
                return mask.reduce(0) { $0 + $1.nonzeroBitCount }
            }
            return Family.ipv6.bits
        }
        return nil
    }

    /// Of every zone with IPv6 hosts, this machine's own mail included.
    public var hostBitsByZone: [String: Int] {
        let names = Set(zoneEntries.map(\.zone)).union([EgressPolicy.localZone])
        return Dictionary(names.compactMap { name in hostBits(of: name).map { (name, $0) } }) { first, _ in first }
    }
}
