/// The policies of one listener, compiled: every rule in one array, ordered by stage, then policy, then rule.
///
/// Immutable, so workers read it without locks; a reload makes a new one. A rule that does not compile refuses whatever
/// comes to it, and stands in `faults`: whoever loads policies looks there first.
public final class RuleBook: Sendable {
    struct Entry: Sendable {
        let id: RuleID
        let mode: Mode
        let when: Int32
        /// -1 for none.
        let unless: Int32
        /// Places in `limits`.
        let over: [Int]
        /// Limits whose `remaining` the condition reads or the reply shows.
        let reads: [Int]
        let action: Action
        let ban: Ban?
        let notifies: Bool
        /// Index of the policy among the listener's.
        let policy: Int32
    }

    struct Ending: Sendable {
        let id: RuleID
        let mode: Mode
        let verdict: PolicyDefinition.Default
        let hash: String
    }

    let entries: [Entry]
    private let plans: [StagePlan]
    let limits: [BookLimit]
    let program: Program
    private let endings: [Ending]
    /// By stage: what is decided if no rule speaks and every policy's default accepts; nil where one may refuse.
    private let acceptances: [Decision?]
    private let outcomeReaders: StageSet
    private let asked: StageSet
    private let accountReaders: StageSet
    /// Whether rules ask how an account is used; if not, nobody need keep count.
    public let watchesAccounts: Bool
    public let policyNames: [String]
    /// What has to be found out about each message; nil for nothing.
    public let observation: MessageObservation?
    /// Rules that do not compile.
    public let faults: [RuleFault]

    /// `realm` completes logins that name no domain; `isMonitored` caps every mode (`run --monitor`).
    ///
    /// Without `guardsLogins` nothing is refused for a password in clear text but what a rule refuses.
    public init(
        _ policies: [PolicyDefinition], realm: [UInt8]? = nil, isMonitored: Bool = false, guardsLogins: Bool = true
    ) {
        var compiler = RuleCompiler(realm: realm, isMonitored: isMonitored, guardsLogins: guardsLogins)
        for stage in Stage.allCases { compiler.compile(stage, policies) }
        entries = compiler.entries
        limits = compiler.limits
        faults = compiler.faults
        outcomeReaders = compiler.outcomeReaders
        asked = compiler.asked
        accountReaders = compiler.accountReaders
        watchesAccounts = compiler.accountReaders != []
        observation = MessageObservation(compiler.messageFields.union(Self.shown(policies)))
        let program = Program(compiler.builder)
        self.program = program
        plans = compiler.stages.map { stage in
            StagePlan(stage, compiler.entries[stage].map { ($0.when, $0.unless) }, program)
        }
        policyNames = policies.map(\.name)
        let endings = policies.map {
            Ending(
                id: .defaultRule(of: $0.name), mode: isMonitored ? $0.mode.capped(by: .monitor) : $0.mode,
                verdict: $0.otherwise, hash: $0.hash)
        }
        self.endings = endings
        let mayRefuse = endings.contains { $0.mode != .disabled && $0.verdict != .accept }
        acceptances = Stage.allCases.map {
            mayRefuse && $0 != .rcptReply ? nil : Self.acceptance(at: $0, endings, [], Decision.Effects())
        }
    }

    private static func acceptance(
        at stage: Stage, _ endings: [Ending], _ monitored: [MonitoredDecision], _ effects: Decision.Effects
    ) -> Decision {
        Decision(
            stage: stage, verdict: .accept, rule: endings.last?.id ?? .builtIn("no-policy"), monitored: monitored,
            effects: effects, policyHash: endings.last?.hash ?? "")
    }

    /// The decision of a stage at which no rule is asked, where it depends on nothing.
    public func foregone(_ stage: Stage) -> Decision? {
        hasRules(at: stage) ? nil : acceptances[Int(stage.rawValue)]
    }

    /// The fields that default replies show.
    private static func shown(_ policies: [PolicyDefinition]) -> [Field] {
        policies.flatMap { policy -> [Field] in
            guard case .reject(let reply) = policy.otherwise else { return [] }
            return reply.parts.compactMap { if case .field(let field) = $0 { field } else { nil } }
        }
    }

    /// Whether any rule is asked at `stage`.
    public func hasRules(at stage: Stage) -> Bool { asked.contains(stage) }

    /// Whether a rule at `stage` depends on what the backend answered to earlier commands.
    public func readsOutcome(at stage: Stage) -> Bool { outcomeReaders.contains(stage) }

    /// Whether a rule at `stage` asks how the account is used.
    public func readsAccount(at stage: Stage) -> Bool { accountReaders.contains(stage) }

    /// Asks the rules of `stage` in order.
    ///
    /// `charged` is what this command has paid already. The first decisive action ends the stage. If there is none, the
    /// defaults count: the first policy whose default is `reject` refuses, else the command is accepted.
    public func evaluation(of stage: Stage, charged: [Charge] = [], _ scratch: MatchScratch) -> Evaluation {
        Evaluation(self, stage, charged: charged, scratch)
    }

    /// The whole evaluation at once; without `answer` no limit is ever exceeded.
    public func decide(
        _ stage: Stage, _ facts: borrowing Facts, scratch: MatchScratch = MatchScratch(),
        answer: (Ask) -> Answer = { Answer.unlimited($0) }
    ) -> Decision {
        var evaluation = evaluation(of: stage, scratch)
        while true {
            switch evaluation.advance(facts) {
            case .decided(let decision): return decision
            case .needs(let ask): evaluation.answer(answer(ask))
            }
        }
    }

    func plan(of stage: Stage) -> StagePlan { plans[Int(stage.rawValue)] }

    func hash(ofPolicy index: Int32) -> String {
        endings.indices.contains(Int(index)) ? endings[Int(index)].hash : ""
    }

    func otherwise(
        _ stage: Stage, _ facts: borrowing Facts, _ monitored: [MonitoredDecision], _ effects: Decision.Effects
    ) -> Decision {
        if monitored.isEmpty, effects.isEmpty, let acceptance = acceptances[Int(stage.rawValue)] { return acceptance }
        var monitored = monitored
        // What the backend has taken can't be refused any more.
        for ending in endings where stage != .rcptReply && ending.mode != .disabled {
            guard case .reject(let template) = ending.verdict else { continue }
            let verdict = Verdict.reject(template.rendered(with: facts))
            if ending.mode == .monitor {
                monitored.append(MonitoredDecision(rule: ending.id, verdict: verdict, policyHash: ending.hash))
                continue
            }
            return Decision(
                stage: stage, verdict: verdict, rule: ending.id, monitored: monitored, effects: effects,
                policyHash: ending.hash)
        }
        return Self.acceptance(at: stage, endings, monitored, effects)
    }
}

/// A rule that does not compile, and why.
public struct RuleFault: Hashable, Sendable {
    public let rule: RuleID
    public let fault: CompileFault
}
