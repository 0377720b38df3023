/// A limit in a book: its definition and which buckets are its.
struct BookLimit: Sendable {
    let definition: LimitDefinition
    /// `policy/limit`.
    let name: String
    /// Its buckets' name: of policy and limit; of a monitored rule, of policy, limit, rule and the word monitor.
    let family: UInt64
    /// What `family` is the hash of.
    let identity: String

    init(_ definition: LimitDefinition, policy: String, monitoredRule: String?) {
        self.definition = definition
        let name = "\(policy)/\(definition.name)"
        self.name = name
        let identity = monitoredRule.map { "\(name)/\($0)/monitor" } ?? name
        self.identity = identity
        let octets = identity.utf8
        family = ByteTable.hash(octets.span)
    }

    /// One event as the facts stand.
    func charge(_ facts: borrowing Facts) -> Charge {
        Charge(
            limit: name, family: family, key: key(facts), cost: cost(facts), count: definition.count,
            period: definition.period, burst: definition.burst, isReserved: definition.counts == .accepted,
            isShared: definition.scope == .cluster, onStoreLoss: definition.onStoreLoss)
    }

    private func key(_ facts: borrowing Facts) -> [UInt8] {
        var key: [UInt8] = []
        for (index, field) in definition.key.enumerated() {
            if index > 0 { key.append(0) }
            key += field.text(in: facts) ?? []
        }
        return key
    }

    private func cost(_ facts: borrowing Facts) -> UInt64 {
        switch definition.cost {
        case .fixed(let cost): cost
        case .field(let field): UInt64(clamping: facts.number(field) ?? 1)
        }
    }
}
