import FirewallPlan
import Glibc
import Reactor
import Testing

@testable import FirewallHelper

@Suite("Plans in a kernel's namespace", .enabled(if: Namespace.isAvailable, "needs root: no network namespace here"))
struct ApplyTests {
    @Test func `What was applied reads back as the same values, and a second time changes nothing`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            let wanted = Samples.ruleset()
            #expect(try !link.apply(wanted).isEmpty)
            let observed = try #require(try link.readTable())
            for chain in wanted.chains {
                let read = try #require(observed.ruleset.chain(chain.name))
                #expect(read.base == chain.base)
                for (index, rule) in chain.rules.enumerated() {
                    #expect(read.rules.indices.contains(index) && read.rules[index] == rule)
                }
            }
            for set in wanted.sets {
                #expect(try #require(observed.ruleset.set(set.name)).isSameDefinition(as: set))
            }
            let generation = try link.generation()
            #expect(try link.apply(wanted) == [])
            #expect(try link.generation() == generation)
        }
    }

    @Test func `A rehearsal is judged by the kernel and leaves the generation alone`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            let generation = try link.generation()
            #expect(try !link.rehearse(Samples.ruleset()).isEmpty)
            #expect(try link.generation() == generation)
            #expect(try link.readTable() == nil)
        }
    }

    @Test func `One bad operation undoes all of them and is named`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            var broken = Samples.ruleset()
            let wrong = Rule([.lookup(set: "no_such_set", .r1, isInverted: false)], comment: "wrong")
            broken.chains[2].rules.append(wrong)
            #expect {
                _ = try link.apply(broken)
            } throws: { error in
                guard case .refused(let operation, let reason, _) = error as? FirewallFault else { return false }
                return operation == "add rule 'wrong' to chain forward" && reason == .notFound
            }
            #expect(try link.readTable() == nil)
        }
    }

    @Test func `An outdated generation is told apart from a refusal`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            var batch = link.batch(generation: try link.generation() + 7)
            try batch.add([.addTable(.ours)], tableFlags: 0)
            #expect(throws: FirewallFault.changedMeanwhile) { try link.commit(batch) }
        }
    }

    @Test func `Elements, timeouts and counters survive a new plan`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            _ = try link.apply(Samples.ruleset())
            let exempt = SetElement([10, 60, 1, 10], timeout: 3_600_000, comment: "printer until Friday")
            try link.add([exempt], to: Samples.allowed4)
            _ = try link.apply(Samples.ruleset(mailHosts: [SetElement([192, 0, 2, 1], through: [192, 0, 2, 1])]))
            let table = try #require(try link.readTable())
            let kept = try #require(table.ruleset.set("allowed4")?.elements.first)
            #expect(kept.key == exempt.key && kept.comment == exempt.comment && kept.timeout == exempt.timeout)
            #expect(try #require(kept.expiration) <= 3_600_000)
            #expect(table.ruleset.set("mail_hosts4")?.elements.map(\.key) == [[192, 0, 2, 1]])
        }
    }

    @Test func `An element that is there gets the new timeout, and one that is not is not missed`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            _ = try link.apply(Samples.ruleset())
            let set = Samples.allowed4
            try link.add([SetElement([10, 0, 0, 1], timeout: 1_000_000)], to: set)
            try link.add([SetElement([10, 0, 0, 1], timeout: 5_000_000)], to: set)
            #expect(try link.readElements(of: set).map(\.timeout) == [5_000_000])
            #expect(try link.delete(SetElement([10, 0, 0, 1]), from: set))
            #expect(try !link.delete(SetElement([10, 0, 0, 1]), from: set))
            #expect(try link.readElements(of: set) == [])
        }
    }

    @Test func `Intervals that touch, that reach the last address and that start at zero read back`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            let elements = [
                SetElement([0, 0, 0, 0], through: [0, 255, 255, 255]),
                SetElement([10, 0, 0, 0], through: [10, 0, 0, 255]),
                SetElement([10, 0, 1, 0], through: [10, 0, 1, 7], comment: "next door"),
                SetElement([240, 0, 0, 0], through: [255, 255, 255, 255]),
            ]
            _ = try link.apply(Samples.ruleset(mailHosts: elements))
            #expect(try link.readElements(of: Samples.mailHosts()) == elements)
            #expect(try link.apply(Samples.ruleset(mailHosts: elements)) == [])
            #expect(try nft("list set inet portreeve mail_hosts4").contains("240.0.0.0/4"))
        }
    }

    @Test func `A hundred thousand mail hosts go in one transaction and come back`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            let hosts = (0..<100_000).map { index in
                let bits = UInt32(0x0A00_0000) + 2 * UInt32(index)
                let key = withUnsafeBytes(of: bits.bigEndian) { Array($0) }
                return SetElement(key, through: key)
            }
            let generation = try link.generation()
            _ = try link.apply(Samples.ruleset(mailHosts: hosts))
            #expect(try link.generation() == generation + 1)
            #expect(try link.readElements(of: Samples.mailHosts()) == hosts)
        }
    }

    @Test func `Removing leaves the tables of others alone`() throws {
        try Namespace.run {
            _ = try nft("add table inet other")
            let link = try NetfilterLink()
            _ = try link.apply(Samples.ruleset())
            #expect(try link.remove())
            #expect(try !link.remove())
            #expect(try nft("list ruleset") == "table inet other {\n}\n")
        }
    }
}

@Suite("Ownership of the table", .enabled(if: Namespace.isAvailable, "needs root: no network namespace here"))
struct OwnershipTests {
    @Test func `An owned table refuses others, outlives its owner and is adopted with what it holds`() throws {
        try Namespace.run {
            var first: NetfilterLink? = try NetfilterLink()
            let isPersistent = try first?.features().contains(.persistentOwner) ?? false
            _ = try first?.apply(Samples.ruleset())
            try first?.add([SetElement([10, 0, 0, 1])], to: Samples.allowed4)
            let second = try NetfilterLink()
            guard isPersistent else {
                // Such a kernel has tables without owners: anyone may change them, and the watch repairs.
                #expect(try second.apply(Samples.ruleset()) == [])
                return
            }
            #expect(throws: FirewallFault.ownedByAnother) { try second.apply(Samples.ruleset()) }
            #expect(throws: FirewallFault.ownedByAnother) { try second.remove() }
            _ = try nft("flush ruleset")
            #expect(try first?.readTable() != nil)
            first = nil
            #expect(try second.readTable()?.isOrphan == true)
            #expect(try second.apply(Samples.ruleset()) == [], "taking over changes nothing in it")
            #expect(try second.readTable()?.owner == second.port)
            #expect(try second.readElements(of: Samples.allowed4).map(\.key) == [[10, 0, 0, 1]])
        }
    }

    @Test func `Every feature that plans need is found by rehearsal`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            let generation = try link.generation()
            let features = try link.features()
            #expect(features.isSuperset(of: [.reject, .reversePath, .log, .meter]))
            #expect(try link.generation() == generation)
        }
    }
}

@Suite("The packet log and the watch", .enabled(if: Namespace.isAvailable, "needs root: no network namespace here"))
struct ListeningTests {
    @Test func `A log group has one reader, and the second is told so`() throws {
        try Namespace.run {
            let loop = try EventLoop()
            let first = try PacketLog(group: 25, on: loop) { _ in }
            #expect {
                _ = try PacketLog(group: 25, on: loop) { _ in }
            } throws: { error in
                guard case .refused(let operation, _, let detail) = error as? FirewallFault else { return false }
                return operation == "bind log group 25" && detail == "another program may be reading this group"
            }
            first.stop()
            let again = try PacketLog(group: 26, on: loop) { _ in }
            again.stop()
        }
    }

    @Test func `Only changes that others make to our table are told, with the program that made them`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            let loop = try EventLoop()
            var told: [Culprit?] = []
            let watch = try TableWatch(table: Table.ours.name, ourPort: link.port, on: loop) { told.append($0) }
            _ = try link.apply(Samples.ruleset())
            _ = try nft("add table inet other")
            loop.turn(atMost: 0)
            #expect(told == [])
            // Without an owner, so that others may change it.
            _ = try link.remove()
            _ = try nft("add table inet portreeve")
            _ = try nft("delete table inet portreeve")
            loop.turn(atMost: 1000)
            #expect(told.map { $0?.program } == ["nft", "nft"])
            #expect(told.allSatisfy { ($0?.pid ?? 0) > 0 })
            withExtendedLifetime(watch) {}
        }
    }
}
