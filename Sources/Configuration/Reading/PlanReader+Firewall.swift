internal import Diagnostics
internal import FirewallPlan
internal import PolicyLanguage

/// `firewall:`.
extension PlanReader {
    func firewall(_ pair: YAMLNode.Pair?, _ listeners: [ListenerPlan]) -> FirewallSettings? {
        let intercepting = intercepting(listeners)
        guard let pair else {
            if let intercepting {
                error(
                    .missingKey, intercepting.range,
                    "listener '\(intercepting.name)' intercepts, and there is no 'firewall:'",
                    hint: "add 'firewall: { policy: FOLDER }'; its helper hands the sockets over")
            }
            return nil
        }
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
        checkModes(egress, policy.value.range, intercepting)
        return FirewallSettings(policy: egress, range: policy.value.range, socket: socket)
    }

    /// Zones whose sessions the gateway answers need a listener that does.
    private func checkModes(_ egress: LoadedEgress, _ range: SourceRange, _ intercepting: ListenerPlan?) {
        let zones = egress.interceptingZones
        guard let intercepting else {
            for zone in zones {
                error(
                    .conflict, egress.zoneRanges[zone.name] ?? range,
                    "'mode: \(zone.mode.rawValue)' needs a listener that intercepts",
                    hint: "add 'egress: { intercept: true, policies: […] }' under 'listeners:'")
            }
            return
        }
        if zones.isEmpty {
            warning(
                .interceptsNothing, intercepting.range,
                "no zone of '\(egress.policy.name)' is intercepted for listener '\(intercepting.name)'",
                hint: "'mode: explain' or 'mode: relay' in a zone")
        }
    }

    /// The listener that serves intercepted sessions; zones cannot choose between two.
    private func intercepting(_ listeners: [ListenerPlan]) -> ListenerPlan? {
        let found = listeners.filter(\.intercepts)
        for other in found.dropFirst() {
            error(
                .conflict, other.range, "listeners '\(found[0].name)' and '\(other.name)' both intercept",
                hint: "keep one of them")
        }
        return found.first
    }
}
