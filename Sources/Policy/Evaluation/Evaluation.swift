/// One stage's rules being asked of one command, resumable where the answer has to come from elsewhere.
///
///     var evaluation = book.evaluation(of: .rcpt, scratch)
///     while case .needs(let ask) = evaluation.advance(facts) { evaluation.answer(…) }
///
/// Facts are lent anew each time; they must not change in between.
public struct Evaluation {
    public enum Step: Sendable {
        case decided(Decision)
        case needs(Ask)
    }

    let book: RuleBook
    let stage: Stage
    private let plan: StagePlan
    /// The next entry that was not looked at.
    private var position: Int
    /// An entry that has to be looked at again.
    private var again: Int?
    /// Says whether the answers in the scratch memory are ours.
    private var stamp: UInt64 = 0
    private var run: Program.Run
    private var monitored: [MonitoredDecision] = []
    private var effects = Decision.Effects()
    /// The policy whose rules are passed over.
    private var skipped: Int32 = -1
    private var pending: Pending?
    private var answer: Answer?
    /// What this command has been charged: a bucket pays once, however many rules name it.
    public private(set) var charged: [Charge]

    private enum Pending {
        case charge(entry: Int, [Charge])
        case peek(entry: Int, limit: Int)
    }

    init(_ book: RuleBook, _ stage: Stage, charged: [Charge], _ scratch: MatchScratch) {
        self.book = book
        self.stage = stage
        self.charged = charged
        plan = book.plan(of: stage)
        position = plan.entries.lowerBound
        run = Program.Run(scratch: scratch)
    }

    /// The answer to what `advance` has asked.
    public mutating func answer(_ answer: Answer) {
        self.answer = answer
    }

    /// Goes on until there is a decision or something to ask.
    public mutating func advance(_ facts: borrowing Facts) -> Step {
        if let decision = resume(facts) { return .decided(decision) }
        while let index = next(facts) {
            if let step = look(at: index, facts) { return step }
        }
        return .decided(book.otherwise(stage, facts, monitored, effects))
    }

    // MARK: One rule

    /// The next rule that can hold.
    private mutating func next(_ facts: borrowing Facts) -> Int? {
        if let entry = again {
            again = nil
            return entry
        }
        if !plan.isTrivial { stamp = run.scratch.answers.fill(plan, for: stamp, facts, tags: run.tags) }
        guard let entry = plan.next(from: position, run.scratch.answers) else { return nil }
        position = entry + 1
        return entry
    }

    /// What the answer means for the rule that asked.
    private mutating func resume(_ facts: borrowing Facts) -> Decision? {
        guard let pending, let answer else { return nil }
        self.pending = nil
        self.answer = nil
        switch (pending, answer) {
        case (.charge(_, let charges), .charged):
            charged += charges
        case (.charge(let entry, _), .exceeded(let retryAfter)):
            return apply(entry, facts, retryAfter: retryAfter)
        case (.charge(let entry, _), .remaining):
            return apply(entry, facts, retryAfter: 0)
        case (.charge(let entry, _), .lost), (.peek(let entry, _), .lost):
            return conclude(book.entries[entry], .uncountable(at: stage))
        case (.peek(let entry, let limit), .remaining(let count)):
            remember(limit, count)
            again = entry
        case (.peek(let entry, let limit), .charged), (.peek(let entry, let limit), .exceeded):
            remember(limit, 0)
            again = entry
        }
        return nil
    }

    private mutating func remember(_ limit: Int, _ count: Int64) {
        while run.remaining.count <= limit { run.remaining.append(-1) }
        run.remaining[limit] = max(0, count)
    }

    private mutating func look(at index: Int, _ facts: borrowing Facts) -> Step? {
        if book.entries[index].policy == skipped { return nil }
        if let limit = unknownLimit(of: index) {
            pending = .peek(entry: index, limit: limit)
            return .needs(.peek(book.limits[limit].charge(facts)))
        }
        switch truth(of: index, facts) {
        case .no: return nil
        case .failed: return fail(index, facts).map(Step.decided)
        case .yes: break
        }
        if book.entries[index].over.isEmpty { return apply(index, facts, retryAfter: 0).map(Step.decided) }
        let charges = uncharged(index, facts)
        if charges.isEmpty { return nil }
        pending = .charge(entry: index, charges)
        return .needs(.charge(charges))
    }

    /// A limit that the rule's condition reads, or its reply shows, and that was not asked yet.
    private func unknownLimit(of index: Int) -> Int? {
        if book.entries[index].reads.isEmpty { return nil }
        return book.entries[index].reads.first { $0 >= run.remaining.count || run.remaining[$0] < 0 }
    }

    private mutating func truth(of index: Int, _ facts: borrowing Facts) -> Truth {
        let (when, unless) = (book.entries[index].when, book.entries[index].unless)
        let holds = book.program.truth(when, facts, &run)
        guard holds != .no, unless >= 0 else { return holds }
        switch book.program.truth(unless, facts, &run) {
        case .yes: return .no
        case .no: return holds
        case .failed: return .failed
        }
    }

    private func uncharged(_ index: Int, _ facts: borrowing Facts) -> [Charge] {
        var charges: [Charge] = []
        for limit in book.entries[index].over {
            let charge = book.limits[limit].charge(facts)
            if charged.contains(where: charge.hasBucket) || charges.contains(where: charge.hasBucket) { continue }
            charges.append(charge)
        }
        return charges
    }

    // MARK: Its action

    /// The decision, if the action is decisive.
    private mutating func apply(_ index: Int, _ facts: borrowing Facts, retryAfter: UInt64) -> Decision? {
        let entry = book.entries[index]
        let verdict: Verdict
        switch entry.action {
        case .accept: verdict = .accept
        case .reject(let reply): verdict = .reject(rendered(reply, entry, facts, retryAfter))
        case .defer(let reply): verdict = .defer(rendered(reply, entry, facts, retryAfter))
        case .drop(let reply): verdict = .drop(rendered(reply, entry, facts, retryAfter))
        case .skip, .tag, .delay, .tarpit:
            if entry.mode == .enforce { note(entry) }
            return nil
        }
        return conclude(entry, verdict)
    }

    private func rendered(
        _ reply: ReplyTemplate, _ entry: RuleBook.Entry, _ facts: borrowing Facts, _ retryAfter: UInt64
    ) -> ReplyText {
        reply.rendered(with: facts, retryAfter: retryAfter) { limit in
            let place = entry.reads.first { book.limits[$0].definition.name == limit }
            return place.flatMap { $0 < run.remaining.count ? max(0, run.remaining[$0]) : nil } ?? 0
        }
    }

    private mutating func note(_ entry: RuleBook.Entry) {
        switch entry.action {
        case .skip: skipped = entry.policy
        case .tag(let name):
            effects.tag(name)
            run.tags = effects.tags
            run.scratch.answers.note(tag: name, plan, for: stamp)
        case .delay(let duration): effects.delay = max(effects.delay, min(duration, Decision.Effects.maxDelay))
        case .tarpit(let duration): effects.tarpit = max(effects.tarpit, min(duration, Decision.Effects.maxTarpit))
        case .accept, .reject, .defer, .drop: break
        }
        ban(entry)
    }

    private mutating func ban(_ entry: RuleBook.Entry) {
        if entry.notifies { effects.demandNotice(entry.id) }
        if let ban = entry.ban { effects.demand(ban, entry.id) }
    }

    private mutating func conclude(_ entry: RuleBook.Entry, _ verdict: Verdict) -> Decision? {
        if entry.mode == .monitor {
            monitored.append(
                MonitoredDecision(rule: entry.id, verdict: verdict, policyHash: book.hash(ofPolicy: entry.policy)))
            return nil
        }
        ban(entry)
        return Decision(
            stage: stage, verdict: verdict, rule: entry.id, monitored: monitored, effects: effects,
            policyHash: book.hash(ofPolicy: entry.policy))
    }

    /// A rule that could not be evaluated refuses: with its own reply, or with ours where it has none.
    private mutating func fail(_ index: Int, _ facts: borrowing Facts) -> Decision? {
        if book.entries[index].action.reply != nil { return apply(index, facts, retryAfter: 0) }
        return conclude(book.entries[index], .unevaluated(at: stage))
    }
}

extension Verdict {
    /// The refusal of a command that could not be counted, because a limit that may not do without its store has lost it.
    static func uncountable(at stage: Stage) -> Verdict {
        switch stage {
        case .connect, .rcptReply: .drop(ReplyText(421, "4.3.2 Limits can't be checked now"))
        case .auth, .login, .authReply: .defer(ReplyText(454, "4.3.2 Limits can't be checked now"))
        case .helo, .starttls, .mail, .rcpt, .data, .message:
            .defer(ReplyText(451, "4.3.2 Limits can't be checked now"))
        }
    }

    /// The refusal of a command about which the policy could not be asked.
    static func unevaluated(at stage: Stage) -> Verdict {
        switch stage {
        case .connect, .rcptReply: .drop(ReplyText(421, "4.3.0 Policy can't be evaluated now"))
        case .auth, .login, .authReply: .defer(ReplyText(454, "4.3.0 Policy can't be evaluated now"))
        case .helo, .starttls, .mail, .rcpt, .data, .message:
            .defer(ReplyText(451, "4.3.0 Policy can't be evaluated now"))
        }
    }
}
