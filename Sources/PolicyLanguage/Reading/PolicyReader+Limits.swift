internal import Diagnostics
internal import Policy

/// `limits:`.
extension PolicyReader {
    func limits(_ pair: YAMLNode.Pair?, broken: inout Set<String>) -> [LimitDraft] {
        guard let pair, let entries = mapping(pair.value, "'limits'") else { return [] }
        return entries.compactMap { entry in
            let before = findings.errors
            let draft = limit(entry)
            if findings.errors > before { broken.insert(entry.key) }
            return draft
        }
    }

    private func limit(_ pair: YAMLNode.Pair) -> LimitDraft? {
        guard name(pair.key, "limit", at: pair.keyRange) != nil else { return nil }
        let section = section(pair.value, "limits.NAME", shown: "limit '\(pair.key)'", at: pair.keyRange)
        guard section.isReadable else { return nil }
        let key = distinct(section["key"])
        if key.count > 4, let given = section["key"] {
            error(.outOfRange, given.value.range, "a key has at most 4 fields")
        }
        let rate = rate(section["rate"], atMost: 1_000_000_000)
        let counts = choice(section["count"], of: LimitDraft.Count.allCases) ?? .attempted
        let burst = number(section["burst"], in: 1...1_000_000_000) ?? 1
        let scope = choice(section["scope"], of: LimitDraft.Scope.allCases) ?? .node
        let onStoreLoss = choice(section["on_store_loss"], of: LimitDraft.StoreLoss.allCases) ?? .local
        let cost = cost(section["cost"])
        guard let rate else { return nil }
        return LimitDraft(
            name: pair.key, range: pair.keyRange, key: key, count: rate.count, period: rate.period, burst: burst,
            cost: cost, counts: counts, scope: scope, onStoreLoss: onStoreLoss)
    }

    private func cost(_ pair: YAMLNode.Pair?) -> LimitDraft.Cost {
        guard let pair, let text = text(pair) else { return .one }
        switch text {
        case "1": return .one
        case "sender.size": return .senderSize
        default:
            reportChoice(pair, text, ["1", "sender.size"])
            return .one
        }
    }
}
