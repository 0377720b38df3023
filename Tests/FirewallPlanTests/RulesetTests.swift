import Bytes
import FirewallPlan
import FuzzTargets
import Testing

@Suite struct RulesetTests {
    private let wanted = Samples.policy.ruleset(at: Samples.site)

    private static func changed(_ change: (inout EgressPolicy) -> Void) -> EgressPolicy {
        var policy = Samples.policy
        change(&policy)
        return policy
    }

    private static let variants = [
        changed { $0.zones.removeLast(2) }, changed { $0.zones[1].attempts.count = 60 }, changed { $0.local = nil },
        changed { $0.mailHosts = Samples.prefixes("10.60.1.0/24", "0.0.0.0/1", "::/0") },
        changed { $0.zones[0].mode = .adaptive }, changed { $0.isMonitored = true },
        changed { $0.triangular = .accept }, changed { $0.exemptions = [] }, changed { $0.zones = [] },
    ]

    @Test func theKernelTakesAPlanAndNothingIsLeftToDo() throws {
        var kernel = FakeKernel()
        try kernel.commit(wanted.operations(from: nil))
        #expect(wanted.operations(from: kernel.table).isEmpty)
    }

    @Test func zonesAreReadBackFromTheRules() {
        #expect(wanted.logGroup == Samples.policy.logGroup)
        #expect(wanted.hostBits(of: "wifi") == 56)
        #expect(wanted.hostBits(of: "nowhere") == nil)
        let bits = Dictionary(uniqueKeysWithValues: Samples.policy.zones.map { ($0.name, $0.ipv6Prefix) })
        #expect(wanted.hostBitsByZone == bits.merging([EgressPolicy.localZone: 64]) { $1 })
    }

    @Test(arguments: variants.indices, variants.indices)
    func anyPlanBecomesAnyOther(_ first: Int, _ second: Int) throws {
        var kernel = FakeKernel()
        try kernel.commit(Self.variants[first].ruleset(at: Samples.site).operations(from: nil))
        let next = Self.variants[second].ruleset(at: Samples.site)
        try kernel.commit(next.operations(from: kernel.table))
        #expect(next.operations(from: kernel.table).isEmpty)
    }

    @Test func theFakeKernelRefusesWhatTheKernelRefuses() {
        var kernel = FakeKernel()
        let set = NamedSet("s", .ipv4, flags: .interval)
        let whole = SetElement([10, 0, 0, 0], through: [10, 0, 0, 255])
        #expect(throws: FakeKernel.Refusal.noTable) { try kernel.commit([.addSet(set)]) }
        #expect(throws: FakeKernel.Refusal.missing("s")) {
            try kernel.commit([
                .addTable(.ours), .addChain("c", nil),
                .appendRule(chain: "c", Rule([.lookup(set: "s", .r1, isInverted: false)])),
            ])
        }
        #expect(throws: FakeKernel.Refusal.overlap("s")) {
            try kernel.commit([
                .addTable(.ours), .addSet(set), .addElements(set, [whole]),
                .addElements(set, [SetElement([10, 0, 0, 7], through: [10, 0, 0, 7])]),
            ])
        }
        #expect(kernel.table == nil)
    }

    @Test func noVerdictSharesARuleWithAMeter() {
        for policy in Self.variants + [Samples.policy] {
            for rule in policy.ruleset(at: Samples.site).chains.flatMap(\.rules) {
                let fills = rule.expressions.contains { if case .dynset = $0 { true } else { false } }
                let decides = rule.expressions.contains {
                    switch $0 {
                    case .verdict, .reject, .tproxy: true
                    default: false
                    }
                }
                #expect(!(fills && decides))
            }
        }
    }

    @Test func everySetThatRulesFillIsBoundedAndForgets() {
        for set in wanted.sets where set.flags.contains(.dynamic) {
            #expect(set.size != nil && set.timeout != nil && set.contents == .live)
            #expect(!set.flags.contains(.interval))
        }
    }

    @Test func listsChangeElementsAndLeaveRulesAlone() {
        let more = Self.changed { $0.mailHosts += Samples.prefixes("10.61.0.0/16") }.ruleset(at: Samples.site)
        let operations = more.operations(from: wanted)
        #expect(!operations.isEmpty)
        for operation in operations {
            switch operation {
            case .addElements, .deleteElements: break
            default: Issue.record("\(operation)")
            }
        }
    }

    @Test func blocksMergeIntoAscendingIntervals() {
        let blocks = Samples.prefixes("10.0.1.0/24", "10.0.0.0/24", "10.0.0.7", "10.0.3.0/24", "2001:db8::/32")
        #expect(
            AddressIntervals.elements(blocks, .ipv4) == [
                SetElement([10, 0, 0, 0], through: [10, 0, 1, 255]),
                SetElement([10, 0, 3, 0], through: [10, 0, 3, 255]),
            ])
        let all = AddressIntervals.elements(Samples.prefixes("0.0.0.0/0", "240.0.0.0/4"), .ipv4)
        #expect(all == [SetElement([0, 0, 0, 0], through: [255, 255, 255, 255])])
        #expect(AddressIntervals.elements(blocks, .ipv6).count == 1)
    }

    @Test func randomBlocksMergeToTheSameMembersWithoutOverlap() {
        var seed: UInt64 = 7
        func random(_ bound: UInt64) -> UInt64 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1
            return (seed >> 33) % bound
        }
        for _ in 0..<200 {
            let blocks = (0..<20).map { _ in
                AddressPrefix(IPAddress(v4: 0x0A00_0000 | UInt32(random(1024))), bits: 22 + Int(random(11)))
            }
            let merged = AddressIntervals.elements(blocks, .ipv4)
            for (one, next) in zip(merged, merged.dropFirst()) {
                #expect(one.endKey.map { $0.lexicographicallyPrecedes(next.key) } ?? false)
            }
            for number in stride(from: UInt32(0), to: 1100, by: 7) {
                let address = IPAddress(v4: 0x0A00_0000 | number)
                let isListed = blocks.contains { $0.contains(address) }
                #expect(merged.contains { $0.contains(address.octets(.ipv4)) } == isListed)
            }
        }
    }

    @Test func anExemptionThatEndedIsLeftOutAndTheLongestOfAHostCounts() throws {
        let host = try #require(AddressPrefix("10.1.1.1"))
        var policy = EgressPolicy(name: "p")
        policy.exemptions = [
            .init(host: host, until: 50, reason: "over"), .init(host: host, until: 200, reason: "later"),
            .init(host: host, until: 150, reason: "sooner"),
        ]
        let elements = try #require(policy.ruleset(at: Site(now: 100)).set("exempt4")).elements
        #expect(elements == [SetElement([10, 1, 1, 1], timeout: 100_000, comment: "until 200: later")])
    }

    @Test func aHundredThousandMailHostsAreOneListOfIntervals() {
        var policy = EgressPolicy(name: "p")
        policy.mailHosts = (0..<100_000).map { AddressPrefix(IPAddress(v4: 0x0A00_0000 + UInt32($0) * 2), bits: 32) }
        let deployment = policy.deployment(at: Site(now: 0))
        #expect(deployment.ruleset.set("mail_hosts4")?.elements.count == 100_000)
        #expect(deployment.wire.count < Frame.longest)
    }
}
