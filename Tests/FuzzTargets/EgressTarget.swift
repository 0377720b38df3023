import Bytes
import FirewallPlan

/// An egress policy that has no error: the kernel takes its rules, once; they survive the wire; and other ports pass.
enum EgressTarget {
    private static let site = Site(now: 1_767_225_600, gatewayPorts: [25, 587], gatewayUID: 999)

    static func check(_ policy: EgressPolicy) throws(Complaint) {
        let plan = policy.ruleset(at: site)
        try require((try? Ruleset(wire: plan.wire)) == plan, "the rules change on the wire")
        try checkKernel(plan)
        try checkMeters(plan)
        try checkOtherPorts(policy, plan)
    }

    private static func checkKernel(_ plan: Ruleset) throws(Complaint) {
        var kernel = FakeKernel()
        do {
            try kernel.commit(plan.operations(from: nil))
        } catch {
            throw Complaint(text: "the kernel refuses it: \(error)")
        }
        let again = plan.operations(from: kernel.table)
        try require(again.isEmpty, "a second time it changes \(again.count) things")
    }

    /// A full set makes its rule stop matching, so no rule both meters and decides.
    private static func checkMeters(_ plan: Ruleset) throws(Complaint) {
        for rule in plan.chains.flatMap(\.rules) {
            try require(!rule.isMeter || !rule.isVerdict, "a meter and a verdict in '\(rule.comment)'")
        }
    }

    private static func checkOtherPorts(_ policy: EgressPolicy, _ plan: Ruleset) throws(Complaint) {
        guard let host = IPAddress("10.60.1.10"), let outside = IPAddress("203.0.113.9") else { return }
        for port in [UInt16(80), 465, 587] where !policy.ports.contains(port) {
            for zone in policy.zones.prefix(8) {
                var filter = PacketFilter(plan)
                var packet = Packet(
                    .forward, from: Endpoint(address: host, port: 40_000), to: Endpoint(address: outside, port: port))
                packet.inputInterface = zone.interfaces.first?.text ?? ""
                packet.outputInterface = "wan0"
                let trace = filter.pass(packet)
                try require(trace.fate == .passes, "port \(port) of zone \(zone.name): \(trace.fate)")
            }
        }
    }
}

extension Rule {
    fileprivate var isMeter: Bool { expressions.contains { if case .dynset = $0 { true } else { false } } }
    fileprivate var isVerdict: Bool {
        expressions.contains {
            switch $0 {
            case .reject, .verdict: true
            case _: false
            }
        }
    }
}
