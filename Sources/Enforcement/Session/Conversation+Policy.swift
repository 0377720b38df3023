import Policy
import SMTPSession
import SMTPWire
import Throttle

// Asking the policy: facts are brought up to date, limits answer, effects take place.

/// What one command has paid to limits.
struct Payments {
    /// Each bucket once.
    var charged: [Charge] = []
    /// Of them, what comes back if the command is refused after all.
    var reservations: [Reservation] = []
    /// The same at the shared store.
    var receipts: [StoreReceipt] = []

    var isEmpty: Bool { charged.isEmpty && reservations.isEmpty && receipts.isEmpty }
}

extension Conversation {
    /// Asks the rules of a stage on behalf of the command in hand.
    mutating func decide(_ stage: Stage, for purpose: @autoclosure () -> Purpose) -> Decision? {
        decide(stage, paying: .command, for: purpose())
    }

    /// Asks the rules of a stage; nil where the shared store has to answer first, and then `conclude` is called with it.
    ///
    /// Every decision is reported, permits too; a report never changes a decision.
    mutating func decide(
        _ stage: Stage, paying account: Account, for purpose: @autoclosure () -> Purpose
    ) -> Decision? {
        refreshFacts()
        learnAccount(for: stage)
        if let decision = context.book.foregone(stage) {
            decided(decision, account)
            return decision
        }
        let charged = burdens?.accounts[account].charged ?? []
        var evaluation = context.book.evaluation(of: stage, charged: charged, source.scratch)
        switch advance(&evaluation, stage, account) {
        case .decided(let decision):
            decided(decision, account)
            return decision
        case .waits(let inquiry):
            open(inquiry, evaluation, stage, account, for: purpose())
            return nil
        }
    }

    /// Reports a decision and lets it take effect.
    mutating func decided(_ decision: Decision, _ account: Account) {
        let stage = decision.stage
        if decision.isPlain { return reportAcceptance(decision) }
        takeEffect(decision)
        for monitored in decision.monitored {
            guard let refusal = monitored.verdict.refusal else { continue }
            var report = refusalReport(stage.commandName, stage, refusal, monitored.rule, mode: .monitor)
            report.policyHash = monitored.policyHash
            effects.append(.report(.refused(report)))
        }
        if decision.isAccepted {
            reportAcceptance(decision)
        } else if stage != .rcptReply {
            refund(account)
        }
    }

    /// A session has one at nearly every command, so they are only counted where nobody reads them.
    private mutating func reportAcceptance(_ decision: Decision) {
        if source.reportsAcceptances {
            effects.append(
                .report(
                    .accepted(stage: decision.stage, rule: decision.rule, policyHash: decision.policyHash)))
        } else {
            acceptances &+= 1
        }
    }

    /// Whether the policy would let a command of `stage` pass; nothing is charged or reported.
    ///
    /// The reply to EHLO does not wait for a store: of shared limits it says what this machine knows of them.
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

    /// How far an evaluation has come.
    enum Progress {
        case decided(Decision)
        case waits(Inquiry)
    }

    /// Goes on with an evaluation until it has decided or the shared store has to be asked.
    mutating func advance(_ evaluation: inout Evaluation, _ stage: Stage, _ account: Account) -> Progress {
        let isLenient = suspendsCounting(at: stage)
        while true {
            switch evaluation.advance(facts) {
            case .decided(let decision):
                if !evaluation.charged.isEmpty { accounts[account].charged = evaluation.charged }
                return .decided(decision)
            case .needs(let ask) where isLenient:
                evaluation.answer(.unlimited(ask))
            case .needs(let ask) where source.store != .none && ask.isShared:
                switch inquire(ask) {
                case .known(let answer): evaluation.answer(answer)
                case .waits(let inquiry): return .waits(inquiry)
                }
            case .needs(.charge(let charges)):
                evaluation.answer(charge(charges, to: account))
            case .needs(.peek(let charge)):
                evaluation.answer(.remaining(remaining(charge)))
            }
        }
    }

    mutating func charge(_ charges: [Charge], to account: Account) -> Answer {
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

    func remaining(_ charge: Charge) -> Int64 {
        let asked = BucketCharge(charge)
        return Int64(clamping: context.buckets.remaining(asked.name, rate: asked.rate, now: now))
    }

    /// The command was refused: what it reserved is given back.
    mutating func refund(_ account: Account) {
        guard let payments = burdens?.accounts[account] else { return }
        if payments.reservations.isEmpty, payments.receipts.isEmpty { return }
        accounts[account].reservations = []
        accounts[account].receipts = []
        refund(payments)
    }

    mutating func refund(_ payments: Payments) {
        refund(payments.reservations)
        if !payments.receipts.isEmpty { effects.append(.refundStore(payments.receipts)) }
    }

    func refund(_ reservations: [Reservation]) {
        for reservation in reservations { context.buckets.refund(reservation, now: now) }
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
