internal import Bytes
internal import Diagnostics
internal import FirewallPlan
internal import Policy

/// `lists:` of a file of `kind: egress`: three names, all of addresses.
extension PolicyReader {
    private enum Name: String, CaseIterable {
        case mailHosts = "mail_hosts"
        case relays
        case exempt
    }

    /// An exemption that lasts longer is probably meant to be a mail host.
    private static let longestExemption = 30

    func readEgressLists(_ pair: YAMLNode.Pair?, into policy: inout EgressPolicy) {
        guard let pair, let entries = mapping(pair.value, "'lists'") else { return }
        for entry in entries {
            guard let name = Name(rawValue: entry.key) else {
                let names = Name.allCases.map(\.rawValue)
                error(
                    .unknownKey, entry.keyRange, "unknown list '\(entry.key)' in an egress policy",
                    hint: didYouMean(entry.key, names), notes: ["lists: \(names.sorted().joined(separator: " "))"])
                continue
            }
            guard
                let draft = listDraft(
                    entry, section: EgressKeys.list, types: [.cidr], mayBeEmpty: true)
            else { continue }
            switch name {
            case .mailHosts: policy.mailHosts = draft.entries.compactMap(current)
            case .relays: policy.relays = draft.entries.compactMap(current)
            case .exempt: policy.exemptions = draft.entries.compactMap { exemption($0, draft) }
            }
        }
    }

    /// The block of an entry that has not expired.
    private func current(_ entry: EntryDraft) -> AddressPrefix? {
        guard entry.until.map({ $0 >= today }) ?? true, case .prefix(let prefix) = entry.value else { return nil }
        return prefix
    }

    /// The kernel keeps exemptions as single keys with an end: an IPv4 host, or one /64.
    private func exemption(_ entry: EntryDraft, _ draft: ListDraft) -> EgressPolicy.Exemption? {
        guard let prefix = current(entry) else { return nil }
        let range = entry.range ?? draft.range
        let host = prefix.address.isV4 ? prefix : AddressPrefix(prefix.address, bits: 64)
        guard prefix.address.isV4 ? prefix.length == 32 : prefix.length >= 64 else {
            error(
                .badEntry, range, "an exemption is one IPv4 host or one IPv6 /64, found \(prefix)",
                hint: "put a block into 'mail_hosts'")
            return nil
        }
        if let until = entry.until, until.number > today.number + Self.longestExemption {
            warning(
                .longExemption, range, "this exemption lasts longer than \(Self.longestExemption) days",
                hint: "a host that always sends belongs into 'mail_hosts'")
        }
        return EgressPolicy.Exemption(
            host: host, until: entry.until.map { UInt64($0.number + 1) * 86_400 },
            day: entry.until.map(\.description) ?? "", reason: entry.note)
    }
}
