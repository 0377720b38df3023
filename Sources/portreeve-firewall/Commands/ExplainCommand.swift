import ArgumentParser
import Bytes
import FirewallPlan

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "What becomes of a host's connection to port 25, rule by rule.",
        discussion: """
            With a policy it asks that policy; without one it asks the rules and the sets that the kernel has now. \
            Limits count as unused.
            """)

    @Argument(help: "The host.")
    var source: String

    @Argument(help: "Where it wants to go; by default somewhere that is on no list.")
    var destination: String?

    @OptionGroup var policy: PolicyOptions
    @OptionGroup var helper: HelperOptions

    @Option(help: "The interface that it comes in on; by default one of each zone.")
    var interface: String?

    @Option(help: "The port.")
    var port: UInt16 = 25

    @Flag(help: "JSON for scripts.")
    var json = false

    func validate() throws {
        guard let from = IPAddress(source) else { throw ValidationError("'\(source)' is not an address.") }
        guard let destination else { return }
        guard let to = IPAddress(destination) else { throw ValidationError("'\(destination)' is not an address.") }
        if from.isV4 != to.isV4 { throw ValidationError("Both addresses must be of one family.") }
    }

    func run() throws {
        guard let from = IPAddress(source) else { return }
        let elsewhere = from.isV4 ? IPAddress("192.0.2.1") : IPAddress("2001:db8:ffff:ffff::1")
        guard let to = destination.flatMap({ IPAddress($0) }) ?? elsewhere else { return }
        let ruleset = try rules()
        let cases = cases(ruleset).map { explain(ruleset, $0.zone, $0.interface, from, to) }
        guard !cases.isEmpty else { throw HelperOptions.failed("no zone has an interface '\(interface ?? "")'") }
        if json { return JSONText.print(cases) }
        Output.print(cases.map(\.text).joined(separator: "\n\n"))
    }

    private func rules() throws -> Ruleset {
        if policy.file != nil || policy.policy != nil { return try policy.load().deployment.ruleset }
        guard case .ruleset(let ruleset) = try helper.ask(.observe) else { throw HelperOptions.unexpected }
        return ruleset
    }

    /// The zones that the packet may come from, each with a name of an interface.
    private func cases(_ ruleset: Ruleset) -> [(zone: String, interface: String)] {
        if let interface {
            let zone = ruleset.zoneEntries.first { $0.interface.matches(interface) }?.zone ?? "none"
            return [(zone, interface)]
        }
        var seen: Set<String> = []
        return ruleset.zoneEntries.filter { seen.insert($0.zone).inserted }
            .map { ($0.zone, $0.interface.isPrefix ? $0.interface.text + "0" : $0.interface.text) }
    }

    private func explain(
        _ ruleset: Ruleset, _ zone: String, _ interface: String, _ from: IPAddress, _ to: IPAddress
    ) -> Explanation {
        var filter = PacketFilter(ruleset)
        var packet = Packet(
            .prerouting, from: Endpoint(address: from, port: 40_000), to: Endpoint(address: to, port: port))
        packet.inputInterface = interface
        var trace = filter.pass(packet)
        if trace.fate == .passes {
            packet.hook = .forward
            let forward = filter.pass(packet)
            trace.steps += forward.steps
            trace.fate = forward.fate
            trace.counters += forward.counters
            trace.decidingStep = forward.decidingStep ?? trace.decidingStep
        }
        return Explanation(
            zone: zone, interface: interface, source: "\(from)", destination: "\(packet.destination)",
            fate: trace.fate.words, decidedBy: trace.decidingStep.map(Explanation.Step.init), counters: trace.counters,
            rules: trace.steps.map(Explanation.Step.init))
    }
}

/// A connection's way through the rules.
private struct Explanation: Encodable {
    struct Step: Encodable {
        let chain, rule: String
        let matched: Bool

        init(_ step: PacketTrace.Step) {
            (chain, rule, matched) = (step.chain, step.rule, step.isMatched)
        }
    }

    let zone, interface, source, destination, fate: String
    /// Nil where no rule objected.
    let decidedBy: Step?
    let counters: [String]
    let rules: [Step]

    var text: String {
        let width = rules.map(\.chain.count).max() ?? 0
        let lines = rules.map { step in
            let chain = step.chain + String(repeating: " ", count: width - step.chain.count)
            return "  \(step.matched ? "✓" : "✗") \(chain)  \(step.rule)"
        }
        let counted = counters.isEmpty ? "" : " (counted in \(counters.joined(separator: ", ")))"
        let head = "\(source) to \(destination) on \(interface), zone \(zone): \(fate)\(counted)"
        let decision = decidedBy.map { "  decided in \($0.chain): \($0.rule)" } ?? "  no rule decides"
        return ([head, decision] + lines).joined(separator: "\n")
    }
}
