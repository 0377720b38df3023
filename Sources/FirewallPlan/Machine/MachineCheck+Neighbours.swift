// What other programs have set that ours would collide with.
extension MachineCheck {
    // MARK: Everybody

    var logGroup: [MachineFinding] {
        guard machine.foreignLogGroups.contains(policy.logGroup) else { return [] }
        return [
            MachineFinding(
                .logGroupTaken, "another program reads log group \(policy.logGroup), and a group has one reader",
                hint: "choose another 'log_group', or 'who' will know nobody")
        ]
    }

    var tableName: [MachineFinding] {
        guard machine.isNameTaken else { return [] }
        return [
            MachineFinding(
                .tableTaken, "there is a table inet \(Table.ours.name) that no policy of ours made",
                hint: "'apply' makes it what the policy says, and 'off' deletes it: rename the other one")
        ]
    }

    /// What a flowtable carries meets no rule of `forward`: a connection from before goes on, whatever we say.
    var flowtables: [MachineFinding] {
        machine.flowtables.flatMap { table in
            policy.zones.compactMap { zone in
                let devices = table.devices.filter { device in zone.interfaces.contains { $0.matches(device) } }
                guard !devices.isEmpty else { return nil }
                return MachineFinding(
                    .flowtable, zone: zone.name,
                    "\(table) carries connections of \(devices.joined(separator: ", ")) past every rule",
                    hint: "let its 'flow add' rule leave out port 25 (tcp dport != 25 tcp sport != 25)")
            }
        }
    }

    // MARK: Zones that are intercepted

    func neighboursOfInterception(_ plan: Interception) -> [MachineFinding] {
        preferences(plan) + routingTable(plan) + marks(plan) + guardRule(plan) + inputChains(plan)
    }

    private var foreignRules: [Machine.RoutingRule] { machine.routingRules.filter { !$0.isOurs } }

    private func preferences(_ plan: Interception) -> [MachineFinding] {
        foreignRules.filter { [plan.guardPreference, plan.preference].contains($0.preference) }.map {
            MachineFinding(
                .preferenceTaken, "there is another \($0.family.words) routing rule of preference \($0.preference)",
                hint: "the order of the two is chance: give the other one another number")
        }
    }

    private func routingTable(_ plan: Interception) -> [MachineFinding] {
        let isUsed =
            machine.foreignTables.contains(plan.routingTable)
            || foreignRules.contains { $0.table == plan.routingTable }
        guard isUsed else { return [] }
        return [
            MachineFinding(
                .routingTableTaken, "routing table \(plan.routingTable) is used by somebody else",
                hint: "intercepted packets would follow its routes: move them to another table")
        ]
    }

    /// Interception writes some bits of the packet mark, and every other use of these bits breaks the one or the other.
    private func marks(_ plan: Interception) -> [MachineFinding] {
        let bits = "0x\(String(plan.markMask, radix: 16))"
        let hint = "bits \(bits) of the mark are ours in zones that are intercepted: let the other use higher ones"
        let routing = foreignRules.compactMap { rule in
            rule.mark.flatMap { test in
                test.mask & plan.markMask == 0
                    ? nil
                    : MachineFinding(
                        .markTaken,
                        "the \(rule.family.words) routing rule of preference \(rule.preference) looks at mark \(test)",
                        hint: hint)
            }
        }
        let filters = machine.chains.filter { $0.writtenMark & plan.markMask != 0 }.map {
            MachineFinding(.markTaken, "\($0) writes packet marks", hint: hint)
        }
        return routing + filters
    }

    /// Settings that send the answers of intercepted sessions astray unless the guard rule stands before them.
    private func guardRule(_ plan: Interception) -> [MachineFinding] {
        Family.allCases.flatMap { family -> [MachineFinding] in
            let ours = machine.routingRules.filter { $0.isOurs && $0.family == family }.map(\.preference)
            // Before the first `apply` neither is there, and `apply` makes both.
            guard ours.contains(plan.preference), !ours.contains(plan.guardPreference) else { return [] }
            return family.settingsThatNeedGuard(machine.settings).map {
                MachineFinding(
                    .guardMissing,
                    "\($0) is 1 and the \(family.words) routing rule \(plan.guardPreference) is gone: intercepted sessions are silent",
                    hint: "'apply' puts the rule back")
            }
        }
    }

    /// A packet for a transparent listener goes through `input` like any that is for this machine.
    private func inputChains(_ plan: Interception) -> [MachineFinding] {
        machine.chains.filter { $0.hook == .input && $0.dropsTheRest }.compactMap { chain in
            let accepted = machine.chains.filter { $0.table == chain.table }.flatMap(\.acceptedMarks)
            guard !accepted.contains(where: { $0.holds(for: plan.mark, bits: plan.markMask) }) else { return nil }
            let (mark, mask) = (String(plan.mark, radix: 16), String(plan.markMask, radix: 16))
            return MachineFinding(
                .inputDrops, "\(chain) drops what nothing accepts, and nothing accepts mark 0x\(mark)/0x\(mask)",
                hint: "intercepted sessions would be silent: accept 'meta mark & 0x\(mask) == 0x\(mark)' there")
        }
    }
}

extension Family {
    fileprivate func settingsThatNeedGuard(_ settings: [String: Int]) -> [String] {
        settings.filter { name, value in
            guard value == 1 else { return false }
            return name == "net.ipv4.tcp_fwmark_accept" || (self == .ipv4 && name.hasSuffix(".src_valid_mark"))
        }.map(\.key).sorted()
    }
}
