import Bytes
import Policy

/// What a policy says, found the slow way: each rule in order, each expression by walking its tree.
///
/// No index, no compiled form, no remembered answer; limits are never exceeded.
struct PolicyReference {
    /// What matters of a decision.
    struct Outcome: Equatable {
        let rule: RuleID
        let verdict: String
        let code: UInt16
        let tags: [String]
        let delay: UInt64
        let tarpit: UInt64
        let monitored: [RuleID]

        init(_ decision: Decision) {
            self.init(
                decision.rule, decision.verdict, decision.effects.tags, decision.effects.delay,
                decision.effects.tarpit, decision.monitored.map(\.rule))
        }

        init(
            _ rule: RuleID, _ verdict: Verdict, _ tags: [String], _ delay: UInt64, _ tarpit: UInt64,
            _ monitored: [RuleID]
        ) {
            self.rule = rule
            self.verdict = verdict.name
            code = verdict.refusal?.code ?? 0
            (self.tags, self.delay, self.tarpit, self.monitored) = (tags, delay, tarpit, monitored)
        }
    }

    private let policy: PolicyDefinition
    private let realm: [UInt8]

    init(_ policy: PolicyDefinition, realm: [UInt8]) {
        self.policy = policy
        self.realm = realm
    }

    func decision(_ stage: Stage, _ facts: borrowing Facts) -> Outcome {
        var walk = ExpressionReference(facts: copy facts, lists: policy.lists, realm: realm)
        var tags: [String] = []
        var (delay, tarpit): (UInt64, UInt64) = (0, 0)
        var monitored: [RuleID] = []
        for rule in policy.rules where rule.stage == stage {
            let mode = mode(of: rule)
            guard mode != .disabled, let truth = walk.truth(of: rule), rule.over.isEmpty || truth == .failed else {
                continue
            }
            let id = RuleID(policy: policy.name, rule: rule.id)
            var verdict: Verdict?
            switch rule.action {
            case .accept: verdict = truth == .failed ? nil : .accept
            case .reject(let reply): verdict = .reject(reply.rendered(with: facts))
            case .defer(let reply): verdict = .defer(reply.rendered(with: facts))
            case .drop(let reply): verdict = .drop(reply.rendered(with: facts))
            case .skip, .tag, .delay, .tarpit: break
            }
            if truth == .failed, verdict == nil { verdict = Self.unevaluated(stage) }
            if let verdict {
                if mode == .enforce { return Outcome(id, verdict, tags, delay, tarpit, monitored) }
                monitored.append(id)
                continue
            }
            guard mode == .enforce else { continue }
            switch rule.action {
            case .skip: return otherwise(stage, facts, tags, delay, tarpit, monitored)
            case .tag(let tag):
                if !tags.contains(tag) { tags.append(tag) }
                walk.tags = tags
            case .delay(let wait): delay = max(delay, min(wait, Decision.Effects.maxDelay))
            case .tarpit(let wait): tarpit = max(tarpit, min(wait, Decision.Effects.maxTarpit))
            case .accept, .reject, .defer, .drop: break
            }
        }
        if stage == .auth, isAUTHGuarded, facts.tls == nil {
            let refusal = Verdict.reject(ReplyText(538, ""))
            return Outcome(.builtIn("auth-without-tls"), refusal, tags, delay, tarpit, monitored)
        }
        return otherwise(stage, facts, tags, delay, tarpit, monitored)
    }

    /// A file that monitors and has no rule that stays enforced.
    private var isAUTHGuarded: Bool {
        policy.mode == .monitor && !policy.allows.cleartextAuth
            && !policy.rules.contains { keepsPasswords($0) && $0.mode == .enforce }
    }

    private func otherwise(
        _ stage: Stage, _ facts: borrowing Facts, _ tags: [String], _ delay: UInt64, _ tarpit: UInt64,
        _ monitored: [RuleID]
    ) -> Outcome {
        let id = RuleID.defaultRule(of: policy.name)
        guard stage != .rcptReply, policy.mode != .disabled, case .reject(let reply) = policy.otherwise else {
            return Outcome(id, .accept, tags, delay, tarpit, monitored)
        }
        if policy.mode == .monitor { return Outcome(id, .accept, tags, delay, tarpit, monitored + [id]) }
        return Outcome(id, .reject(reply.rendered(with: facts)), tags, delay, tarpit, monitored)
    }

    /// The weaker of the file's and the rule's; what keeps passwords out of clear text stays.
    private func mode(of rule: Rule) -> Mode {
        if policy.mode == .disabled || rule.mode == .disabled { return .disabled }
        if rule.mode == .enforce, policy.mode == .monitor, keepsPasswords(rule) { return .enforce }
        return policy.mode == .monitor || rule.mode == .monitor ? .monitor : .enforce
    }

    private func keepsPasswords(_ rule: Rule) -> Bool {
        guard rule.stage == .auth, rule.over.isEmpty, rule.action.reply != nil else { return false }
        let active = Expression.Node.field(.tlsActive)
        switch rule.when.node {
        case .not(let a): return a.node == active
        case .compare(let comparison, let a, let b):
            return a.node == active
                && (comparison == .equal && b.node == .literal(.bool(false))
                    || comparison == .unequal && b.node == .literal(.bool(true)))
        case _: return false
        }
    }

    private static func unevaluated(_ stage: Stage) -> Verdict {
        switch stage {
        case .connect, .rcptReply: .drop(ReplyText(421, ""))
        case .auth, .login, .authReply: .defer(ReplyText(454, ""))
        case .helo, .starttls, .mail, .rcpt, .data, .message: .defer(ReplyText(451, ""))
        }
    }
}
