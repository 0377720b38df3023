public import FirewallPlan

/// A kernel that takes and refuses transactions as nf_tables does, without one.
public struct FakeKernel {
    public private(set) var table: Ruleset?

    public enum Refusal: Error, Hashable {
        case noTable, exists(String), missing(String), busy(String), overlap(String), tooLong(String)
    }

    public init() {}

    /// All of it or nothing.
    public mutating func commit(_ operations: [Operation]) throws(Refusal) {
        var copy = self
        for operation in operations { try copy.apply(operation) }
        self = copy
    }

    private mutating func apply(_ operation: Operation) throws(Refusal) {
        if case .addTable(let wanted) = operation {
            guard table == nil else { throw .exists(wanted.name) }
            table = Ruleset(table: wanted)
            return
        }
        guard var now = table else { throw .noTable }
        try refuseIfTooLong(operation)
        switch operation {
        case .addTable: break
        case .deleteTable:
            table = nil
            return
        case .addCounter(let name):
            guard !now.counters.contains(name) else { throw .exists(name) }
            now.counters.append(name)
        case .deleteCounter(let name):
            guard now.counters.contains(name) else { throw .missing(name) }
            try now.refuseIfUsed(name) { $0.counter }
            now.counters.removeAll { $0 == name }
        case .addSet(let set):
            guard now.set(set.name) == nil else { throw .exists(set.name) }
            now.sets.append(set.definition)
        case .deleteSet(let name):
            guard now.set(name) != nil else { throw .missing(name) }
            try now.refuseIfUsed(name) { $0.set }
            now.sets.removeAll { $0.name == name }
        case .addElements(let set, let elements): try now.insert(elements, into: set.name)
        case .deleteElements(let set, let elements):
            guard let index = now.sets.firstIndex(where: { $0.name == set.name }) else { throw .missing(set.name) }
            for element in elements {
                guard let place = now.sets[index].elements.firstIndex(where: { $0.isSameRange(as: element) }) else {
                    throw .missing(set.name)
                }
                now.sets[index].elements.remove(at: place)
            }
        case .addChain(let name, let base):
            guard now.chain(name) == nil else { throw .exists(name) }
            now.chains.append(Chain(name, base: base))
        case .deleteChain(let name):
            guard let chain = now.chain(name) else { throw .missing(name) }
            guard chain.rules.isEmpty else { throw .busy(name) }
            try now.refuseIfUsed(name) { $0.chain }
            now.chains.removeAll { $0.name == name }
        case .flushChain(let name):
            guard let index = now.chains.firstIndex(where: { $0.name == name }) else { throw .missing(name) }
            now.chains[index].rules = []
        case .appendRule(let chain, let rule): try now.append(rule, to: chain)
        }
        table = now
    }

    /// NFT_NAME_MAXLEN and NF_LOG_PREFIXLEN with their final zero, and nft's bound for comments.
    private func refuseIfTooLong(_ operation: Operation) throws(Refusal) {
        switch operation {
        case .addCounter(let name), .addChain(let name, _): try refuse(name, longerThan: 255)
        case .addSet(let set):
            try refuse(set.name, longerThan: 255)
            try refuse(set.comment, longerThan: Rule.longestComment)
        case .addElements(_, let elements):
            for element in elements { try refuse(element.comment, longerThan: Rule.longestComment) }
        case .appendRule(_, let rule):
            try refuse(rule.comment, longerThan: Rule.longestComment)
            for case .log(_, _, _, let prefix) in rule.expressions { try refuse(prefix, longerThan: 127) }
        case .addTable, .deleteTable, .deleteCounter, .deleteSet, .deleteElements, .deleteChain, .flushChain: break
        }
    }

    private func refuse(_ text: String, longerThan limit: Int) throws(Refusal) {
        if text.utf8.count > limit { throw .tooLong(text) }
    }
}

extension Ruleset {
    fileprivate func refuseIfUsed(_ name: String, _ reference: (Expression) -> String?) throws(FakeKernel.Refusal) {
        let isUsed = chains.contains { $0.rules.contains { $0.expressions.contains { reference($0) == name } } }
        if isUsed { throw .busy(name) }
    }

    fileprivate mutating func append(_ rule: Rule, to chain: String) throws(FakeKernel.Refusal) {
        guard let index = chains.firstIndex(where: { $0.name == chain }) else { throw .missing(chain) }
        for expression in rule.expressions {
            if let name = expression.set, set(name) == nil { throw .missing(name) }
            if let name = expression.chain, self.chain(name) == nil { throw .missing(name) }
            if let name = expression.counter, !counters.contains(name) { throw .missing(name) }
        }
        chains[index].rules.append(rule)
    }

    fileprivate mutating func insert(_ added: [SetElement], into name: String) throws(FakeKernel.Refusal) {
        guard let index = sets.firstIndex(where: { $0.name == name }) else { throw .missing(name) }
        for element in added {
            let first = element.key
            let last = element.last ?? element.key
            let overlaps = sets[index].elements.contains { other in
                !(other.last ?? other.key).lexicographicallyPrecedes(first)
                    && !last.lexicographicallyPrecedes(other.key)
            }
            if overlaps { throw .overlap(name) }
            sets[index].elements.append(element)
        }
        sets[index].elements.sort { $0.key.lexicographicallyPrecedes($1.key) }
    }
}

extension SetElement {
    fileprivate func isSameRange(as other: SetElement) -> Bool { key == other.key && last == other.last }
}
