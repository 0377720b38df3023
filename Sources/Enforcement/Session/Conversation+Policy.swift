import Policy
import SMTPSession
import SMTPWire
import Throttle

// Asking the policy: facts are brought up to date, limits answer at once, effects take place.

/// What one command has paid to limits.
struct Payments {
    /// Each bucket once.
    var charged: [Charge] = []
    /// Of them, what comes back if the command is refused after all.
    var reservations: [Reservation] = []

    var isEmpty: Bool { charged.isEmpty && reservations.isEmpty }
}

extension Conversation {
    /// Asks the rules of a stage on behalf of the command in hand.
    mutating func decide(_ stage: Stage) -> Decision {
        decide(stage, paying: stage == .message ? .content : .command)
    }

    /// Asks the rules of a stage.
    ///
    /// Every decision is reported, permits too; a report never changes a decision.
    mutating func decide(_ stage: Stage, paying account: Account) -> Decision {
        refreshFacts()
        learnAccount(for: stage)
        let decision = context.book.foregone(stage) ?? evaluate(stage, paying: account)
        if decision.isPlain {
            effects.append(
                .report(.accepted(stage: stage, rule: decision.rule, policyHash: decision.policyHash)))
            return decision
        }
        takeEffect(decision)
        for monitored in decision.monitored {
            guard let refusal = monitored.verdict.refusal else { continue }
            var report = refusalReport(stage.commandName, stage, refusal, monitored.rule, mode: .monitor)
            report.policyHash = monitored.policyHash
            effects.append(.report(.refused(report)))
        }
        if decision.isAccepted {
            effects.append(
                .report(.accepted(stage: stage, rule: decision.rule, policyHash: decision.policyHash)))
        } else if stage != .rcptReply {
            refund(account)
        }
        return decision
    }

    /// Whether the policy would let a command of `stage` pass; nothing is charged or reported.
    func wouldAccept(_ stage: Stage) -> Bool {
        let decision = context.book.decide(stage, facts, scratch: source.scratch) { ask in
            switch ask {
            case .charge(let charges):
                context.buckets.wouldExceed(charges.map(BucketCharge.init), now: now)
                    .map { .exceeded(retryAfter: $0) } ?? .charged
            case .peek(let charge): .remaining(remaining(charge))
            }
        }
        return decision.isAccepted
    }

    private mutating func evaluate(_ stage: Stage, paying account: Account) -> Decision {
        let charged = burdens?.accounts[account].charged ?? []
        var evaluation = context.book.evaluation(of: stage, charged: charged, source.scratch)
        let isLenient = suspendsCounting(at: stage)
        while true {
            switch evaluation.advance(facts) {
            case .decided(let decision):
                if !evaluation.charged.isEmpty { accounts[account].charged = evaluation.charged }
                return decision
            case .needs(let ask) where isLenient:
                evaluation.answer(.unlimited(ask))
            case .needs(.charge(let charges)):
                evaluation.answer(charge(charges, to: account))
            case .needs(.peek(let charge)):
                evaluation.answer(.remaining(remaining(charge)))
            }
        }
    }

    private mutating func charge(_ charges: [Charge], to account: Account) -> Answer {
        if charges.count == 1 { return charge(charges[0], to: account) }
        switch context.buckets.charge(charges.map(BucketCharge.init), now: now) {
        case .charged(let reservations):
            for (charge, reservation) in zip(charges, reservations) where charge.isReserved {
                accounts[account].reservations.append(reservation)
            }
            return .charged
        case .exceeded(let retryAfter):
            return .exceeded(retryAfter: retryAfter)
        }
    }

    private mutating func charge(_ charge: Charge, to account: Account) -> Answer {
        switch context.buckets.charge(BucketCharge(charge), now: now) {
        case .charged(let reservation):
            if charge.isReserved { accounts[account].reservations.append(reservation) }
            return .charged
        case .exceeded(let retryAfter):
            return .exceeded(retryAfter: retryAfter)
        }
    }

    private func remaining(_ charge: Charge) -> Int64 {
        let asked = BucketCharge(charge)
        return Int64(clamping: context.buckets.remaining(asked.name, rate: asked.rate, now: now))
    }

    /// The command was refused: what it reserved is given back.
    mutating func refund(_ account: Account) {
        guard let payments = burdens?.accounts[account] else { return }
        if payments.reservations.isEmpty { return }
        accounts[account].reservations = []
        refund(payments)
    }

    func refund(_ payments: Payments) {
        for reservation in payments.reservations { context.buckets.refund(reservation, now: now) }
    }

    /// What changes by itself.
    private mutating func refreshFacts() {
        facts.session.age = now &- startedAt
        facts.now = source.calendar
    }

    private mutating func takeEffect(_ decision: Decision) {
        for tag in decision.effects.tags where !facts.session.tags.contains(tag) {
            facts.session.tags.append(tag)
        }
        commandDelay = max(commandDelay, decision.effects.delay)
        tarpit = max(tarpit, decision.effects.tarpit)
        carryOutBans(decision.effects)
    }
}

/// Who pays.
enum Account {
    /// The command in hand.
    case command
    /// The message whose content runs: DATA, or all its chunks.
    case content
    /// MAIL, until the backend has answered it.
    case mail
    /// The recipient that the backend has just answered.
    case recipient
}

struct Accounts {
    /// Nobody has paid anything.
    var isEmpty: Bool { command.isEmpty && content.isEmpty && mail.isEmpty && recipient.isEmpty }

    private var command = Payments()
    private var content = Payments()
    private var mail = Payments()
    private var recipient = Payments()

    subscript(account: Account) -> Payments {
        get {
            switch account {
            case .command: command
            case .content: content
            case .mail: mail
            case .recipient: recipient
            }
        }
        set {
            switch account {
            case .command: command = newValue
            case .content: content = newValue
            case .mail: mail = newValue
            case .recipient: recipient = newValue
            }
        }
    }
}

extension BucketCharge {
    init(_ charge: Charge) {
        self.init(
            BucketName(family: charge.family, key: charge.key),
            rate: RateLimit(count: charge.count, period: charge.period, burst: charge.burst), cost: charge.cost)
    }
}
