internal import Diagnostics
internal import FirewallPlan
internal import PolicyLanguage

/// `firewall:`.
extension PlanReader {
    func firewall(_ pair: YAMLNode.Pair?) -> FirewallSettings? {
        guard let pair else { return nil }
        let section = section(pair.value, "firewall", shown: "'firewall'", at: pair.keyRange)
        let socket = path(section["socket"])?.path ?? ConfigurationKeys.defaultText("firewall.socket")
        guard let policy = section["policy"], let text = text(policy) else { return nil }
        let outcome = policyOutcome(text, at: policy.value.range)
        guard let egress = outcome.egress else {
            if outcome.policy != nil {
                error(
                    .conflict, policy.value.range, "'\(text)' is a policy of sessions",
                    hint: "a firewall needs one of 'kind: egress'; list this one under 'policies:'")
            }
            return nil
        }
        checkModes(egress, policy.value.range)
        return FirewallSettings(policy: egress, range: policy.value.range, socket: socket)
    }

    /// Zones whose sessions the gateway answers need a listener that does.
    private func checkModes(_ egress: LoadedEgress, _ range: SourceRange) {
        for zone in egress.interceptingZones {
            error(
                .notInThisVersion, egress.zoneRanges[zone.name] ?? range,
                "'mode: \(zone.mode.rawValue)' needs a listener that intercepts, which is not in this version",
                hint: "use 'block' or 'adaptive'")
        }
    }
}
