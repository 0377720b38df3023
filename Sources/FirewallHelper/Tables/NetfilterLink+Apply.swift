public import FirewallPlan
import Reactor

// Bringing the kernel to a plan: look, compare, change, all or nothing.
extension NetfilterLink {
    /// Others may change tables between our look and our change; then we look again.
    private static let attempts = 5

    /// Makes the kernel hold exactly `wanted` (sets that rules and commands fill keep what they have).
    ///
    /// Returns the operations that it took; none when everything was as wanted.
    public func apply(_ wanted: Ruleset) throws(FirewallFault) -> [Operation] {
        var done: [Operation] = []
        for _ in 0..<Self.attempts {
            let generation = try generation()
            let observed = try readTable(unread: wanted.liveSets)
            let change = try change(from: observed, to: wanted)
            if change.operations.isEmpty { return done }
            // An owner's table is changed by nobody else, so it needs no generation to be safe.
            var batch = batch(generation: observed?.owner == port ? nil : generation)
            try batch.add(change.operations, tableFlags: change.flags)
            do throws(FirewallFault) {
                try commit(batch)
                // Taking over our own table again changes nothing in it.
                return observed == nil ? change.operations : change.operations.filter { $0 != .addTable(.ours) }
            } catch .changedMeanwhile {
                continue
            } catch .repliesLost {
                // Whether it happened is seen at the next look: then nothing is left to do.
                done = change.operations
            }
        }
        throw .changedMeanwhile
    }

    /// What `apply` would do, held against the kernel's own checks without doing it.
    public func rehearse(_ wanted: Ruleset) throws(FirewallFault) -> [Operation] {
        let change = try change(from: readTable(unread: wanted.liveSets), to: wanted)
        var batch = batch()
        try batch.add(change.operations, tableFlags: change.flags)
        try rehearse(batch)
        return change.operations
    }

    /// Removes our table and nothing else; false if there was none.
    public func remove() throws(FirewallFault) -> Bool {
        guard let header = try readHeader() else { return false }
        try expectOurs(header)
        var batch = batch()
        // The kernel lets only an owner delete an owned table, and an orphan is anybody's.
        try batch.add([.deleteTable(.ours)], tableFlags: 0)
        try commit(batch)
        return true
    }

    private func change(
        from observed: ObservedTable?, to wanted: Ruleset
    ) throws(FirewallFault) -> (operations: [Operation], flags: UInt32) {
        guard let observed else {
            let flags = try features(of: [.persistentOwner]).isEmpty ? 0 : ownerFlag | persistFlag
            return (wanted.operations(from: nil), flags)
        }
        try expectOurs(observed)
        let operations = wanted.operations(from: observed.ruleset)
        // Naming an orphan with exactly its old flags makes it ours, with everything in it.
        guard observed.isOrphan else { return (operations, observed.flags) }
        return ([.addTable(.ours)] + operations, ownerFlag | persistFlag)
    }

    private func expectOurs(_ table: ObservedTable) throws(FirewallFault) {
        if let owner = table.owner, owner != port { throw .ownedByAnother }
    }
}

// MARK: Elements of live sets

extension NetfilterLink {
    /// Adds or renews `elements` of a set; an element that is there gets the new timeout.
    public func add(_ elements: [SetElement], to set: NamedSet) throws(FirewallFault) {
        // An element that is there keeps its old end, one that is not cannot be deleted: so all three, in one transaction.
        try change([
            .addElements(set, elements), .deleteElements(set, elements.map(\.keyOnly)), .addElements(set, elements),
        ])
    }

    /// Removes one element; false if it was not there.
    public func delete(_ element: SetElement, from set: NamedSet) throws(FirewallFault) -> Bool {
        do throws(FirewallFault) {
            try change([.deleteElements(set, [element.keyOnly])])
            return true
        } catch .refused(_, .notFound, _) {
            return false
        }
    }

    private func change(_ operations: [Operation]) throws(FirewallFault) {
        var batch = batch()
        try batch.add(operations, tableFlags: 0)
        try commit(batch)
    }
}

extension Ruleset {
    /// Sets whose elements no plan compares: rules and commands fill them.
    fileprivate var liveSets: Set<String> { Set(sets.filter { $0.contents == .live }.map(\.name)) }
}

extension SetElement {
    fileprivate var keyOnly: SetElement { SetElement(key, through: last) }
}
