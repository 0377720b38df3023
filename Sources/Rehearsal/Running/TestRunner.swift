internal import Bytes
internal import Policy
public import PolicyLanguage

/// Runs the tests of one policy.
public struct TestRunner {
    private let policy: LoadedPolicy
    private let file: PolicyTestFile
    private let definition: PolicyDefinition
    private let book: RuleBook

    public init(_ policy: LoadedPolicy, _ file: PolicyTestFile) {
        self.policy = policy
        self.file = file
        definition = policy.definition(ourDomains: file.domains)
        book = RuleBook([definition], realm: file.realm.map { Array($0.utf8) })
    }

    /// All tests whose name `isWanted`, in the order of the file.
    public func run(where isWanted: (String) -> Bool = { _ in true }) -> TestReport {
        var report = TestReport(
            policy: policy.name, file: policy.file,
            rules: policy.outline.filter { $0.mode != .disabled }.map(\.id))
        for test in file.tests where isWanted(test.name) {
            switch test.body {
            case .steps(let steps): report.results.append(run(test, steps, &report.reached))
            case .script(let script):
                let rehearsal = RehearsedSession(script, definitions: [definition], realm: file.realm)
                let failure = rehearsal.play()
                report.reached.formUnion(rehearsal.rules.filter { $0.policy == policy.name }.map(\.rule))
                report.results.append(TestResult(name: test.name, range: test.range, failure: failure))
            case .packets: continue
            }
        }
        return report
    }

    // MARK: Steps

    private func run(_ test: PolicyTest, _ steps: [TestStep], _ reached: inout Set<String>) -> TestResult {
        let limits = ManualLimits()
        // Far from 0, so that a full bucket fits before it.
        var now: UInt64 = 1 << 62
        for (number, step) in steps.enumerated() {
            now += step.advance
            let facts = FactSetting(step.facts, realm: file.realm).facts
            for time in 1...step.times {
                let decision = decide(step.stage, facts, limits, now)
                note(decision, &reached)
                noteEffects(step.stage, facts, &reached)
                let got = Outcome(decision)
                let differences = step.expected.differences(from: got, in: policy.name)
                guard !differences.isEmpty else { continue }
                let place = steps.count > 1 || step.times > 1 ? "step \(number + 1), time \(time)" : nil
                return TestResult(
                    name: test.name, range: step.expected.range,
                    failure: TestFailure(
                        place: place, expected: differences.map(\.expected), got: differences.map(\.got),
                        note: "decided by \(decision.rule): \(got.shown)"))
            }
        }
        return TestResult(name: test.name, range: test.range, failure: nil)
    }

    private func decide(_ stage: Stage, _ facts: Facts, _ limits: ManualLimits, _ now: UInt64) -> Decision {
        var evaluation = book.evaluation(of: stage, MatchScratch())
        while true {
            switch evaluation.advance(facts) {
            case .decided(let decision): return decision
            case .needs(let ask): evaluation.answer(limits.answer(ask, now: now))
            }
        }
    }

    private func note(_ decision: Decision, _ reached: inout Set<String>) {
        for rule in [decision.rule] + decision.monitored.map(\.rule) where rule.policy == policy.name {
            reached.insert(rule.rule)
        }
    }

    /// A rule that goes on leaves no name in the decision: it was reached if it holds of the facts.
    private func noteEffects(_ stage: Stage, _ facts: Facts, _ reached: inout Set<String>) {
        for rule in definition.rules where rule.stage == stage && !rule.action.isDecisive && !reached.contains(rule.id)
        {
            var alone = rule
            alone.action = .accept
            alone.over = []
            alone.mode = .enforce
            var policy = definition
            policy.mode = .enforce
            policy.rules = [alone]
            policy.otherwise = .accept
            if RuleBook([policy]).decide(stage, facts).rule.rule == rule.id { reached.insert(rule.id) }
        }
    }
}
