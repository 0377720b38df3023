internal import Bytes
internal import FirewallPlan
internal import Policy
public import PolicyLanguage

/// Runs the tests of one policy of kind egress: its very rules, on packets that the tests describe.
public struct EgressRunner {
    private let loaded: LoadedEgress
    private let file: PolicyTestFile
    private let ruleset: Ruleset

    public init(_ loaded: LoadedEgress, _ file: PolicyTestFile) {
        self.loaded = loaded
        self.file = file
        var policy = loaded.policy
        if file.isEnforced { policy.isMonitored = false }
        ruleset = policy.ruleset(at: Site(now: 0))
    }

    /// All tests whose name `isWanted`, in the order of the file; a counter of the rules is what coverage counts.
    public func run(where isWanted: (String) -> Bool = { _ in true }) -> TestReport {
        // Nobody is allowed by hand here, and perhaps nobody exempt.
        let unreachable = ["allowed_ok"] + (loaded.policy.exemptions.isEmpty ? ["exempt_ok"] : [])
        var report = TestReport(
            policy: loaded.policy.name, file: loaded.file,
            rules: ruleset.counters.filter { !unreachable.contains($0) })
        for test in file.tests where isWanted(test.name) {
            guard case .packets(let steps) = test.body else { continue }
            report.results.append(run(test, steps, &report.reached))
        }
        return report
    }

    private func run(_ test: PolicyTest, _ steps: [PacketStep], _ reached: inout Set<String>) -> TestResult {
        var filter = PacketFilter(ruleset)
        var now: UInt64 = 0
        for (number, step) in steps.enumerated() {
            now += step.advance / 1_000_000
            for time in 1...step.times {
                let trace = filter.pass(step, now: now)
                reached.formUnion(trace.counters)
                let differences = step.expected.differences(from: trace)
                guard !differences.isEmpty else { continue }
                let place = steps.count > 1 || step.times > 1 ? "step \(number + 1), time \(time)" : nil
                let decider = trace.decidingStep.map { "decided in \($0.chain): \($0.rule)" }
                return TestResult(
                    name: test.name, range: step.expected.range,
                    failure: TestFailure(
                        place: place, expected: differences.map(\.expected), got: differences.map(\.got),
                        note: decider ?? "no rule is about it"))
            }
        }
        return TestResult(name: test.name, range: test.range, failure: nil)
    }
}

extension PacketFilter {
    /// The way of a packet through this machine: prerouting, then, unless it was intercepted, forward.
    fileprivate mutating func pass(_ step: PacketStep, now: UInt64) -> PacketTrace {
        let inside = Endpoint(address: step.isAnswer ? step.destination : step.source, port: 40_000)
        let outside = Endpoint(address: step.isAnswer ? step.source : step.destination, port: step.port)
        var packet = Packet(.prerouting, from: step.isAnswer ? outside : inside, to: step.isAnswer ? inside : outside)
        if step.isAnswer {
            packet.outputInterface = step.interface
            packet.flags = [.syn, .ack]
        } else {
            packet.inputInterface = step.interface
        }
        packet.isSourceInPlace = !step.isSpoofed
        let before = pass(packet, now: now)
        guard before.fate == .passes else { return before }
        packet.hook = .forward
        return pass(packet, now: now)
    }
}

extension PacketExpectation {
    fileprivate func differences(from trace: PacketTrace) -> [Difference] {
        var result: [Difference] = []
        if let fate, fate != trace.fate.testWord {
            result.append(Difference(expected: "fate: \(fate)", got: "fate: \(trace.fate.testWord)"))
        }
        if let counter, !trace.counters.contains(counter) {
            let got = trace.counters.isEmpty ? "none" : trace.counters.joined(separator: " ")
            result.append(Difference(expected: "counter: \(counter)", got: "counter: \(got)"))
        }
        return result
    }
}

extension PacketFate {
    /// One of `TestReader.fates`.
    fileprivate var testWord: String {
        switch self {
        case .passes: "passes"
        case .dropped: "dropped"
        case .reset: "refused"
        case .intercepted: "intercepted"
        }
    }
}
