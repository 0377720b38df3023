// The way from what the kernel has to what is wanted, as one transaction.
//
// Definitions that stay keep what they hold: counters, timeouts and offenders survive a new plan. What changed in a way
// that the kernel cannot change in place is deleted and made again inside the same transaction, so packets meet the
// old rules or the new ones and nothing between.
extension Ruleset {
    /// The operations that turn `current` (nil: there is no table) into this; empty if they are the same.
    ///
    /// What goes comes first, then what comes: rules before the sets that they use, chains after the rules that jump to
    /// them; and elements leave a set before others come, because the kernel refuses overlapping intervals.
    public func operations(from current: Ruleset?) -> [Operation] {
        guard let current else { return creation }
        let change = Change(from: current, to: self)
        return change.removals + change.additions
    }

    /// The operations that make everything.
    private var creation: [Operation] {
        [.addTable(table)] + Change(from: Ruleset(table: table), to: self).additions
    }
}

/// What differs between two rule sets, by name.
private struct Change {
    let from: Ruleset
    let to: Ruleset
    /// Sets that go for good or are made again.
    private let lostSets: Set<String>
    /// Chains whose rules are taken out.
    private let emptiedChains: Set<String>
    /// Chains that go for good or are made again.
    private let lostChains: Set<String>

    init(from: Ruleset, to: Ruleset) {
        self.from = from
        self.to = to
        let wantedSets = Dictionary(to.sets.map { ($0.name, $0) }) { first, _ in first }
        let wantedChains = Dictionary(to.chains.map { ($0.name, $0) }) { first, _ in first }
        let lostSets = Set(
            from.sets.filter { set in !(wantedSets[set.name].map { set.isSameDefinition(as: $0) } ?? false) }
                .map(\.name))
        let lostChains = Set(
            from.chains.filter { chain in
                guard let wanted = wantedChains[chain.name] else { return true }
                return wanted.base != chain.base
            }.map(\.name))
        let lostCounters = Set(from.counters).subtracting(to.counters)
        emptiedChains = Set(
            from.chains.filter { chain in
                lostChains.contains(chain.name) || wantedChains[chain.name]?.rules != chain.rules
                    || chain.rules.contains { rule in
                        rule.expressions.contains { expression in
                            expression.set.map(lostSets.contains) ?? expression.chain.map(lostChains.contains)
                                ?? expression.counter.map(lostCounters.contains) ?? false
                        }
                    }
            }.map(\.name))
        self.lostSets = lostSets
        self.lostChains = lostChains
    }

    var removals: [Operation] {
        let flushed = from.chains.filter { emptiedChains.contains($0.name) && !$0.rules.isEmpty }
        let wantedCounters = Set(to.counters)
        return flushed.map { .flushChain($0.name) }
            + from.chains.filter { lostChains.contains($0.name) }.map { .deleteChain($0.name) }
            + from.sets.filter { lostSets.contains($0.name) }.map { .deleteSet($0.name) }
            + from.counters.filter { !wantedCounters.contains($0) }.map { .deleteCounter($0) }
    }

    var additions: [Operation] {
        let presentCounters = Set(from.counters)
        let presentChains = Set(from.chains.map(\.name)).subtracting(lostChains)
        let refilled = to.chains.filter { emptiedChains.contains($0.name) || !presentChains.contains($0.name) }
        return to.counters.filter { !presentCounters.contains($0) }.map { .addCounter($0) }
            + to.sets.flatMap(setAdditions)
            + to.chains.filter { !presentChains.contains($0.name) }.map { .addChain($0.name, $0.base) }
            + refilled.flatMap { chain in chain.rules.map { .appendRule(chain: chain.name, $0) } }
    }

    private func setAdditions(_ set: NamedSet) -> [Operation] {
        let kept = lostSets.contains(set.name) ? nil : from.set(set.name)
        guard let kept else {
            return [.addSet(set.definition)]
                + (set.elements.isEmpty ? [] : [.addElements(set.definition, set.elements)])
        }
        guard set.contents == .planned else { return [] }
        let (gone, come) = set.elementChanges(from: kept.elements)
        return (gone.isEmpty ? [] : [.deleteElements(set.definition, gone)])
            + (come.isEmpty ? [] : [.addElements(set.definition, come)])
    }
}

extension NamedSet {
    /// The set without its elements.
    public var definition: NamedSet {
        var definition = self
        definition.elements = []
        return definition
    }

    /// Elements that have to go and to come.
    ///
    /// An element is known by its keys and its comment: what is left of a timeout
    /// changes by itself, and a plan writes the day of its end into the comment.
    fileprivate func elementChanges(from present: [SetElement]) -> (gone: [SetElement], come: [SetElement]) {
        let wanted = Set(elements.map(\.identity))
        let had = Set(present.map(\.identity))
        return (
            present.filter { !wanted.contains($0.identity) }, elements.filter { !had.contains($0.identity) }
        )
    }
}

extension SetElement {
    fileprivate var identity: SetElement {
        SetElement(key, through: last, comment: comment)
    }
}

extension Expression {
    /// The set that it looks into or changes.
    public var set: String? {
        switch self {
        case .lookup(let set, _, _): set
        case .dynset(let update): update.set
        default: nil
        }
    }

    /// The chain that it goes to.
    public var chain: String? {
        switch self {
        case .verdict(.jump(let chain)), .verdict(.goto(let chain)): chain
        default: nil
        }
    }

    /// The counter of the table that it counts in.
    public var counter: String? {
        if case .counter(let name) = self { name } else { nil }
    }
}
