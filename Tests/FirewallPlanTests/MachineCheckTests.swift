import Bytes
import FirewallPlan
import Testing

/// What of a machine does not fit a policy, one thing wrong at a time.
@Suite struct MachineCheckTests {
    /// One zone of each treatment on a machine where nothing is wrong.
    private static var policy: EgressPolicy {
        var policy = EgressPolicy(name: "lab")
        policy.zones = [
            .init(name: "lan", interfaces: Samples.interfaces("lan0"), mode: .block),
            .init(name: "wifi", interfaces: Samples.interfaces("wifi*"), mode: .relay),
        ]
        policy.mailHosts = Samples.prefixes("10.60.1.25", "fd60:1::25")
        return policy
    }

    private static var machine: Machine {
        var machine = Machine()
        machine.interfaces = [("lan0", "10.60.1.1/24"), ("lan0", "fd60:1::1/64"), ("wifi0", "10.60.4.1/24")].map {
            .init(name: $0.0, net: AddressPrefix($0.1))
        }
        machine.interfaces.append(.init(name: "wan0", net: nil))
        machine.settings = ["net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1]
        for host in policy.mailHosts { machine.ways[host] = .interface("lan0") }
        machine.routingRules = Family.allCases.flatMap { family in
            [
                .init(family: family, preference: 0, table: 255, mark: nil, isOurs: false),
                .init(family: family, preference: 99, table: 254, mark: MarkTest(0x25, mask: 0xFF), isOurs: true),
                .init(family: family, preference: 100, table: 2525, mark: MarkTest(0x25, mask: 0xFF), isOurs: true),
            ]
        }
        machine.chains = [NeighbourChain(table: "inet filter", name: "input", hook: .input)]
        return machine
    }

    private static func found(
        _ change: (inout EgressPolicy, inout Machine) -> Void
    ) -> [MachineFinding] {
        var (policy, machine) = (policy, machine)
        change(&policy, &machine)
        return MachineCheck(policy, on: machine).findings
    }

    private static func codes(_ change: (inout EgressPolicy, inout Machine) -> Void) -> [MachineCode] {
        found(change).map(\.code)
    }

    @Test func `A machine that fits has no finding`() {
        #expect(Self.found { _, _ in } == [])
    }

    @Test func `An interface that is not there is named with its zone`() {
        let found = Self.found { policy, _ in policy.zones[0].interfaces += Samples.interfaces("ppp*") }
        #expect(found.map(\.code) == [.absentInterface])
        #expect(found.first?.zone == "lan")
        #expect(found.first?.message == "there is no interface 'ppp*' now")
    }

    @Test func `A mail host entry that holds a whole zone is told, and one that does not is not`() {
        #expect(Self.codes { policy, _ in policy.mailHosts += Samples.prefixes("10.60.1.0/24") } == [.wholeZone])
        #expect(Self.codes { policy, _ in policy.mailHosts += Samples.prefixes("10.60.1.24/30") } == [])
    }

    @Test func `A machine that forwards nothing has no use for zones`() {
        let nothing = Self.codes { _, machine in
            machine.settings["net.ipv4.ip_forward"] = 0
            machine.settings["net.ipv6.conf.all.forwarding"] = 0
        }
        #expect(nothing == [.noForwarding])
        #expect(Self.codes { _, machine in machine.settings["net.ipv4.ip_forward"] = 0 } == [])
    }

    @Test func `Forwarding of IPv6 without an IPv6 mail host is told, and without an IPv6 net it is not`() {
        let found = Self.found { policy, _ in policy.mailHosts.removeLast() }
        #expect(found.map(\.code) == [.oneFamilyOnly])
        #expect(found.first?.message.contains("IPv6") ?? false)
        let unused = Self.codes { policy, machine in
            policy.mailHosts.removeLast()
            machine.interfaces.removeAll { $0.net?.address.isV4 == false }
        }
        #expect(unused == [])
    }

    @Test(arguments: [Machine.Way.interface("wan0"), .local, .none])
    func `A mail host outside every zone is useless`(_ way: Machine.Way) {
        let codes = Self.codes { policy, machine in machine.ways[policy.mailHosts[0]] = way }
        #expect(codes == [.hostOutsideZones])
    }

    @Test func `An address can be borrowed where neither we nor the kernel look`() {
        let open = { (policy: inout EgressPolicy, machine: inout Machine) in
            policy.spoofed = .accept
            machine.settings["net.ipv4.conf.all.rp_filter"] = 0
            machine.settings["net.ipv4.conf.lan0.rp_filter"] = 0
            machine.settings["net.ipv4.conf.wifi0.rp_filter"] = 1
        }
        #expect(Self.codes(open) == [.borrowableAddress])
        let guarded = Self.codes { policy, machine in
            open(&policy, &machine)
            policy.spoofed = .drop
        }
        #expect(guarded == [])
    }

    @Test func `A log group with another reader is told`() {
        #expect(Self.codes { _, machine in machine.foreignLogGroups = [25] } == [.logGroupTaken])
        #expect(Self.codes { _, machine in machine.foreignLogGroups = [26] } == [])
    }

    @Test(arguments: [UInt32(99), 100]) func `A foreign routing rule of our preference is told`(_ preference: UInt32) {
        let codes = Self.codes { _, machine in
            machine.routingRules.append(
                .init(family: .ipv4, preference: preference, table: 254, mark: nil, isOurs: false))
        }
        #expect(codes == [.preferenceTaken])
    }

    @Test func `Our routing table in the hands of others is told`() {
        #expect(Self.codes { _, machine in machine.foreignTables = [2525] } == [.routingTableTaken])
        let byRule = Self.codes { _, machine in
            machine.routingRules.append(.init(family: .ipv6, preference: 7, table: 2525, mark: nil, isOurs: false))
        }
        #expect(byRule == [.routingTableTaken])
    }

    @Test func `Uses of our bits of the packet mark are told, and those of other bits are not`() {
        func codes(_ mask: UInt32, _ written: UInt32) -> [MachineCode] {
            Self.codes { _, machine in
                machine.routingRules.append(
                    .init(family: .ipv4, preference: 7, table: 9, mark: MarkTest(1 & mask, mask: mask), isOurs: false))
                machine.chains.append(
                    NeighbourChain(table: "ip mangle", name: "PREROUTING", hook: .prerouting, writtenMark: written))
            }
        }
        #expect(codes(0xFFFF_FFFF, 0xFF) == [.markTaken, .markTaken])
        #expect(codes(0x4000, 0xFF00) == [])
    }

    @Test func `Without the guard rule each setting that needs it is told, and before the first apply none`() {
        let settings = ["net.ipv4.conf.all.src_valid_mark", "net.ipv4.tcp_fwmark_accept"]
        let gone = Self.found { _, machine in
            settings.forEach { machine.settings[$0] = 1 }
            machine.routingRules.removeAll { $0.preference == 99 }
        }
        // src_valid_mark is of IPv4 alone.
        #expect(gone.map(\.code) == [.guardMissing, .guardMissing, .guardMissing])
        let guarded = Self.codes { _, machine in settings.forEach { machine.settings[$0] = 1 } }
        #expect(guarded == [])
        let before = Self.codes { _, machine in
            settings.forEach { machine.settings[$0] = 1 }
            machine.routingRules.removeAll(where: \.isOurs)
        }
        #expect(before == [])
    }

    @Test func `An input chain that drops is told until it accepts the mark`() {
        func codes(_ accepted: [MarkTest], elsewhere: [MarkTest] = []) -> [MachineCode] {
            Self.codes { _, machine in
                machine.chains = [
                    NeighbourChain(
                        table: "inet filter", name: "input", hook: .input, dropsTheRest: true, acceptedMarks: accepted),
                    NeighbourChain(table: "inet filter", name: "mail", hook: nil, acceptedMarks: elsewhere),
                ]
            }
        }
        #expect(codes([]) == [.inputDrops])
        #expect(codes([MarkTest(0x26, mask: 0xFF)]) == [.inputDrops])
        #expect(codes([MarkTest(0, mask: 0xFF00)]) == [.inputDrops], "a test of other bits proves nothing")
        #expect(codes([MarkTest(0x25, mask: 0xFF)]) == [])
        #expect(codes([MarkTest(0x25, mask: ~0)]) == [])
        #expect(codes([], elsewhere: [MarkTest(0x25, mask: 0xFF)]) == [], "by a chain that it jumps to")
    }

    @Test func `Nothing of interception is told of a policy that intercepts nothing`() {
        let codes = Self.codes { policy, machine in
            policy.zones.removeLast()
            machine.foreignTables = [2525]
            machine.chains = [NeighbourChain(table: "inet filter", name: "input", hook: .input, dropsTheRest: true)]
        }
        #expect(codes == [])
    }

    @Test func `A table of our name that is not ours is told`() {
        #expect(Self.codes { _, machine in machine.isNameTaken = true } == [.tableTaken])
    }

    @Test func `A flowtable of a zone's interface is told, and one of other interfaces is not`() {
        func codes(_ devices: String...) -> [MachineCode] {
            Self.codes { _, machine in machine.flowtables = [.init(table: "inet fw4", name: "ft", devices: devices)] }
        }
        #expect(codes("lan0", "wan0") == [.flowtable])
        #expect(codes("wan0") == [])
    }
}
