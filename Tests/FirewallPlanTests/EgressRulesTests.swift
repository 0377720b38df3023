import Bytes
import FirewallPlan
import Testing

/// What the rules do to packets, in each mode and both families.
@Suite struct EgressRulesTests {
    struct Family: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var other, mail, exempt, relay, outside: String

        static let both = [
            Family(
                testDescription: "IPv4", other: "10.60.1.10", mail: "10.60.1.25", exempt: "10.60.1.77",
                relay: "198.51.100.25", outside: "203.0.113.9"),
            Family(
                testDescription: "IPv6", other: "fd60:1::10", mail: "fd60:1::25", exempt: "fd60:1:0:7::9",
                relay: "2001:db8:99::25", outside: "2001:db8:ff::9"),
        ]
    }

    private func fate(_ packet: Packet) -> PacketTrace {
        var filter = Samples.filter
        return filter.pass(packet)
    }

    @Test(arguments: Family.both, ["lan0", "ppp7", "guest0", "off0"])
    func aHostOnNoListIsRefusedWithAReset(_ family: Family, _ interface: String) throws {
        let trace = fate(try Samples.attempt(family.other, to: family.outside, on: interface))
        #expect(trace.fate == .reset)
        #expect(trace.logs.map(\.action) == [.refused])
    }

    @Test(arguments: Family.both, ["lan0", "wifi3", "guest0", "off0", "lab0"])
    func mailHostsExemptHostsAndRelaysPass(_ family: Family, _ interface: String) throws {
        let mail = fate(try Samples.attempt(family.mail, to: family.outside, on: interface))
        #expect(mail.fate == .passes && mail.counters == ["mail_ok"])
        let exempt = fate(try Samples.attempt(family.exempt, to: family.outside, on: interface))
        #expect(exempt.fate == .passes && exempt.counters == ["exempt_ok"])
        let relay = fate(try Samples.attempt(family.other, to: family.relay, on: interface))
        #expect(relay.fate == .passes && relay.counters == ["relay_ok"])
    }

    @Test(arguments: Family.both, [UInt16(465), 587, 80])
    func otherPortsMeetNoRule(_ family: Family, _ port: UInt16) throws {
        for interface in ["lan0", "wifi0", "guest0", "off0", "lab0"] {
            var packet = try Samples.attempt(family.other, to: family.outside, port: port, on: interface)
            #expect(fate(packet).fate == .passes)
            #expect(fate(packet).counters.isEmpty)
            packet.hook = .prerouting
            #expect(fate(packet).fate == .passes)
        }
    }

    @Test(arguments: Family.both) func aBorrowedAddressIsDroppedThoughItIsListed(_ family: Family) throws {
        var packet = try Samples.attempt(family.mail, to: family.outside)
        packet.isSourceInPlace = false
        let trace = fate(packet)
        #expect(trace.fate == .dropped && trace.counters == ["spoofed"])
    }

    @Test(arguments: Family.both) func anAnswerFromPort25IsDroppedUnlessTheHostMaySend(_ family: Family) throws {
        var answer = Packet(
            .forward, from: try Samples.endpoint(family.outside, 25), to: try Samples.endpoint(family.other, 40_000))
        answer.inputInterface = "wan0"
        answer.outputInterface = "lan0"
        answer.flags = [.syn, .ack]
        #expect(fate(answer).fate == .dropped)
        #expect(fate(answer).counters == ["triangular"])
        answer.destination = try Samples.endpoint(family.mail, 40_000)
        #expect(fate(answer).fate == .passes)
        answer.destination = try Samples.endpoint(family.exempt, 40_000)
        #expect(fate(answer).fate == .passes)
        answer.destination = try Samples.endpoint(family.other, 40_000)
        answer.source = try Samples.endpoint(family.relay, 25)
        #expect(fate(answer).fate == .passes)
    }

    @Test func anAdaptiveHostMayBeAnswered() throws {
        var answer = Packet(
            .forward, from: try Samples.endpoint("203.0.113.9", 25), to: try Samples.endpoint("10.9.0.1", 40_000))
        answer.outputInterface = "wifi0"
        answer.flags = [.syn, .ack]
        #expect(fate(answer).fate == .passes)
    }

    @Test(arguments: Family.both) func aMonitoredZoneCountsAndLetsPass(_ family: Family) throws {
        let trace = fate(try Samples.attempt(family.other, to: family.outside, on: "lab0"))
        #expect(trace.fate == .passes && trace.counters == ["would_refuse_lab-1"])
        #expect(trace.logs == [LogPrefix(.wouldRefuse, zone: "lab-1")])
    }

    @Test func aMonitoredFileRefusesNobody() throws {
        var policy = Samples.policy
        policy.isMonitored = true
        var filter = PacketFilter(policy.ruleset(at: Samples.site))
        for interface in ["lan0", "wifi0", "guest0", "off0", "lab0"] {
            for _ in 0..<40 {
                #expect(
                    filter.pass(try Samples.attempt("10.60.1.10", to: "203.0.113.9", on: interface)).fate == .passes)
            }
        }
        var packet = try Samples.attempt("10.60.1.10", to: "203.0.113.9", hook: .output)
        packet.uid = 33
        #expect(filter.pass(packet).fate == .passes)
        #expect(policy.interception == nil)
    }

    @Test func aDeniedMailHostIsRefused() throws {
        var filter = Samples.filter
        filter.insert(SetElement([10, 60, 1, 25]), into: "denied4")
        #expect(filter.pass(try Samples.attempt("10.60.1.25", to: "203.0.113.9")).fate == .reset)
    }

    @Test func anAllowedHostPassesUntilItsTimeIsOver() throws {
        var filter = Samples.filter
        filter.insert(SetElement([10, 60, 1, 10], timeout: 1000), into: "allowed4")
        let packet = try Samples.attempt("10.60.1.10", to: "203.0.113.9")
        #expect(filter.pass(packet, now: 999).fate == .passes)
        #expect(filter.pass(packet, now: 1001).fate == .reset)
    }

    @Test func theEleventhAttemptOfABurstIsCaughtAndTheHostStaysBlocked() throws {
        var filter = Samples.filter
        let packet = try Samples.attempt("10.9.0.1", to: "203.0.113.9", on: "wifi0")
        for _ in 0..<10 { #expect(filter.pass(packet).fate == .passes) }
        let caught = filter.pass(packet)
        #expect(caught.fate == .reset && caught.counters == ["caught_wifi", "refused_wifi"])
        #expect(filter.pass(packet, now: 3_600_000).fate == .reset)
        #expect(filter.pass(packet, now: 86_400_001).fate == .passes)
        #expect(filter.pass(try Samples.attempt("10.9.0.2", to: "203.0.113.9", on: "wifi0")).fate == .passes)
    }

    @Test func theAddressesOfAZonesPrefixAreOneHost() throws {
        var filter = Samples.filter
        for number in 0..<10 {
            let source = "2001:db8:9:1\(number)::\(number)"
            #expect(filter.pass(try Samples.attempt(source, to: "2001:db8:ff::9", on: "wifi0")).fate == .passes)
        }
        #expect(filter.pass(try Samples.attempt("2001:db8:9:ff::1", to: "2001:db8:ff::9", on: "wifi0")).fate == .reset)
        #expect(
            filter.pass(try Samples.attempt("2001:db8:9:100::1", to: "2001:db8:ff::9", on: "wifi0")).fate == .passes)
    }

    @Test(arguments: [("10.9.0.1", "203.0.113."), ("2001:db8:9::1", "2001:db8:ff::")])
    func theSixthNewDestinationIsCaught(_ source: String, _ destinations: String) throws {
        var filter = Samples.filter
        for number in 1...5 {
            let packet = try Samples.attempt(source, to: "\(destinations)\(number)", on: "wifi0")
            #expect(filter.pass(packet).fate == .passes)
        }
        #expect(filter.pass(try Samples.attempt(source, to: "\(destinations)1", on: "wifi0")).fate == .passes)
        #expect(filter.pass(try Samples.attempt(source, to: "\(destinations)6", on: "wifi0")).fate == .reset)
    }

    @Test(arguments: Family.both) func anInterceptedZoneGoesToItsListenerOrIsRefused(_ family: Family) throws {
        for (interface, port) in [("guest0", UInt16(10026)), ("off0", 10025)] {
            var packet = try Samples.attempt(family.other, to: family.outside, on: interface, hook: .prerouting)
            let trace = fate(packet)
            #expect(trace.fate == .intercepted(port: port) && trace.isUntracked)
            packet.hasListener = false
            #expect(fate(packet).fate == .passes)
            packet.hook = .forward
            #expect(fate(packet).fate == .reset)
        }
    }

    @Test(arguments: Family.both) func whomInterceptionPassesByStaysTracked(_ family: Family) throws {
        for source in [family.mail, family.exempt] {
            let trace = fate(try Samples.attempt(source, to: family.outside, on: "off0", hook: .prerouting))
            #expect(trace.fate == .passes && !trace.isUntracked)
        }
        var here = try Samples.attempt(family.other, to: family.outside, on: "off0", hook: .prerouting)
        here.isDestinationLocal = true
        #expect(fate(here).fate == .passes)
    }

    @Test func localMailPassesByItsUser() throws {
        var packet = try Samples.attempt("192.0.2.1", to: "203.0.113.9", on: "", hook: .output)
        packet.outputInterface = "eth0"
        for (uid, expected) in [(UInt32(102), PacketFate.passes), (103, .passes), (33, .reset), (0, .reset)] {
            packet.uid = uid
            #expect(fate(packet).fate == expected)
        }
        packet.mark = 0x2500
        #expect(fate(packet).fate == .passes)
        packet.mark = 0
        packet.outputInterface = "lo"
        #expect(fate(packet).fate == .passes)
    }

    @Test func aBanDropsAtTheGatewaysPortsAndNeverAMailHost() throws {
        var filter = Samples.filter
        for host in [[203, 0, 113, 7], [10, 60, 1, 25], [192, 0, 2, 9]] as [[UInt8]] {
            filter.insert(SetElement(host), into: "banned4")
        }
        func arrives(_ source: String, port: UInt16) throws -> PacketFate {
            filter.pass(try Samples.attempt(source, to: "192.0.2.1", port: port, on: "wan0", hook: .input)).fate
        }
        #expect(try arrives("203.0.113.7", port: 25) == .dropped)
        #expect(try arrives("203.0.113.7", port: 22) == .passes)
        #expect(try arrives("203.0.113.8", port: 25) == .passes)
        #expect(try arrives("10.60.1.25", port: 587) == .passes)
        #expect(try arrives("192.0.2.9", port: 587) == .passes)
    }

    @Test func connectionsThatExistAreCutUnlessTheyAreKept() throws {
        var packet = try Samples.attempt("10.60.1.10", to: "203.0.113.9")
        packet.flags = .ack
        #expect(fate(packet).fate == .reset)
        var policy = Samples.policy
        policy.keepsExisting = true
        var filter = PacketFilter(policy.ruleset(at: Samples.site))
        #expect(filter.pass(packet).fate == .passes)
        packet.flags = .syn
        #expect(filter.pass(packet).fate == .reset)
    }
}
