import Policy
import SMTPSession
public import Throttle

// Limits that several machines share: the store is asked, the conversation stands still until it has answered.
//
// This machine's own table holds, of each shared bucket, what this machine knows: what it has passed itself, and what the
// store last said of buckets from which nobody takes anything back. The store's bucket is at least as full. So a charge is
// made there first: what exceeds the limit here is refused without asking, which keeps a flood from the store, and where
// the store is lost the table can decide (`on_store_loss: local`).

extension Conversation {
    enum Inquired {
        case known(Answer)
        case waits(Inquiry)
    }

    /// The answer to something about shared limits, or what the store has to be asked.
    mutating func inquire(_ ask: Ask) -> Inquired {
        switch ask {
        case .peek(let charge):
            return .waits(Inquiry(question: .peek([BucketCharge(charge)]), pending: .peek(charge)))
        case .charge(let charges):
            // What would pass uncounted without the store is not refused by what is known here, while that may be so.
            let isTroubled = source.store == .troubled
            let counted = isTroubled ? charges.filter { !$0.isShared || $0.onStoreLoss != .open } : charges
            switch context.buckets.charge(counted.map(BucketCharge.init), now: now) {
            case .exceeded(let retryAfter):
                return .known(.exceeded(retryAfter: retryAfter))
            case .charged(let reservations):
                let shared = charges.filter(\.isShared).map(BucketCharge.init)
                let pending = Inquiry.Pending.charge(charges, Array(zip(counted, reservations)))
                return .waits(Inquiry(question: .charge(shared), pending: pending))
            }
        }
    }

    /// Each shared limit's `on_store_loss`.
    private mutating func answerAlone(_ ask: Ask, _ account: Account) -> Answer {
        effects.append(.report(.storeUnanswered))
        switch ask {
        case .peek(let charge):
            return switch charge.onStoreLoss {
            case .local: .remaining(remaining(charge))
            case .open: .remaining(.max)
            case .closed: .lost
            }
        case .charge(let charges):
            if charges.contains(where: { $0.isShared && $0.onStoreLoss == .closed }) { return .lost }
            let counted = charges.filter { !$0.isShared || $0.onStoreLoss == .local }
            return counted.isEmpty ? .charged : charge(counted, to: account)
        }
    }

    // MARK: Standing still

    /// Stops until the store has answered `inquiry`.
    mutating func open(
        _ inquiry: Inquiry, _ evaluation: Evaluation, _ stage: Stage, _ account: Account, for purpose: Purpose
    ) {
        lastQuestion &+= 1
        question = OpenQuestion(
            number: lastQuestion, evaluation, stage, account, for: purpose, inquiry.pending, since: now)
        effects.append(.askStore(inquiry.question, number: lastQuestion))
    }

    /// Whether an event of the backend's connection has to wait; it is kept then.
    @inline(__always)
    mutating func holds(_ event: @autoclosure () -> HeldEvent) -> Bool {
        if question == nil { return false }
        hold(event())
        return true
    }

    @inline(never)
    private mutating func hold(_ event: HeldEvent) {
        // The driver may tell of octets, or of the end, more than once.
        if held.last != event { held.append(event) }
    }

    /// Lets what was kept happen, until another decision has to wait.
    mutating func catchUp() {
        while question == nil, !held.isEmpty {
            switch held.removeFirst() {
            case .connected: backendConnected(now: now)
            case .connectFailed(let reason): backendConnectFailed(reason, now: now)
            case .busy: backendIsBusy(now: now)
            case .secured: backendSecured(now: now)
            case .securityFailed(let reason): backendSecurityFailed(reason, now: now)
            case .sent: backendSent(0, now: now)
            case .ended: backendEnded(now: now)
            }
        }
    }

    /// The store has not answered in time: what it would have said is decided without it.
    mutating func giveUp(_ open: OpenQuestion) {
        noteUnanswered(open.number)
        storeAnswered(open.number, .lost(.late), now: now)
    }

    /// The session ends without an answer.
    mutating func abandonQuestion() {
        guard let open = question else { return }
        question = nil
        noteUnanswered(open.number)
        if case .charge(_, let reserved) = open.pending { refund(reserved.map(\.1)) }
    }

    /// Questions that are given up and remembered, so that a charge that is made late can be given back.
    private static var mostUnanswered: Int { 32 }

    private mutating func noteUnanswered(_ number: UInt32) {
        if unanswered.count == Self.mostUnanswered { unanswered.removeFirst() }
        unanswered.append(number)
    }

    // MARK: The answer

    /// The shared store has answered the question of this number.
    ///
    /// An answer that nobody waits for any more is dropped, and what it has charged is given back, once.
    public mutating func storeAnswered(_ number: UInt32, _ answer: StoreAnswer, now: UInt64) {
        self.now = now
        guard let open = question, open.number == number else { return dismiss(number, answer) }
        question = nil
        open.evaluation.answer(understood(answer, open))
        switch advance(&open.evaluation, open.stage, open.account) {
        case .waits(let inquiry):
            self.open(inquiry, open.evaluation, open.stage, open.account, for: open.purpose)
        case .decided(let decision):
            decided(decision, open.account)
            conclude(open.purpose, decision)
            if question == nil { flushReplies() }
        }
        catchUp()
        process()
    }

    private mutating func dismiss(_ number: UInt32, _ answer: StoreAnswer) {
        guard let index = unanswered.firstIndex(of: number) else { return }
        unanswered.remove(at: index)
        if case .charged(let receipts) = answer { effects.append(.refundStore(receipts)) }
    }

    private mutating func understood(_ answer: StoreAnswer, _ open: OpenQuestion) -> Answer {
        switch open.pending {
        case .peek(let charge):
            if case .owed(let owed) = answer, owed.count == 1 { return .remaining(remaining(charge, owed: owed[0])) }
            return answerAlone(.peek(charge), open.account)
        case .charge(let charges, let reserved):
            let shared = charges.filter(\.isShared)
            switch answer {
            case .charged(let receipts) where receipts.count == shared.count:
                keep(reserved, shared, receipts, open)
                return .charged
            case .exceeded(let waits) where waits.count == shared.count && waits.contains { $0 > 0 }:
                refund(reserved.map(\.1))
                for (charge, wait) in zip(shared, waits) where wait > 0 { learn(charge, wait, open.since) }
                return .exceeded(retryAfter: waits.reduce(0, max))
            case .charged, .exceeded, .owed, .lost:
                refund(reserved.map(\.1))
                return answerAlone(.charge(charges), open.account)
            }
        }
    }

    private func remaining(_ charge: Charge, owed: UInt64) -> Int64 {
        let arrival = now.addingReportingOverflow(owed)
        return Int64(
            clamping: BucketCharge(charge).rate.remaining(arrival.overflow ? .max : arrival.partialValue, now: now))
    }

    /// The store has charged: what may come back is noted, and of the rest is learnt how full it is.
    private mutating func keep(
        _ reserved: [(Charge, Reservation)], _ shared: [Charge], _ receipts: [StoreReceipt], _ open: OpenQuestion
    ) {
        for (charge, reservation) in reserved where charge.isReserved {
            accounts[open.account].reservations.append(reservation)
        }
        for (charge, receipt) in zip(shared, receipts) {
            if charge.isReserved {
                accounts[open.account].receipts.append(receipt)
            } else {
                let arrival = open.since.addingReportingOverflow(receipt.owed)
                if !arrival.overflow { context.buckets.restore(receipt.charge.name, arrival: arrival.partialValue) }
            }
        }
    }

    /// The store says how long to wait: until then this machine need not ask again.
    private func learn(_ charge: Charge, _ wait: UInt64, _ since: UInt64) {
        let charge = BucketCharge(charge)
        context.buckets.restore(
            charge.name, arrival: charge.rate.arrival(waiting: wait, cost: charge.cost, now: since))
    }

    private mutating func conclude(_ purpose: Purpose, _ decision: Decision) {
        switch purpose {
        case .connection: connectionJudged(decision)
        case .command(let command): judged(command, decision)
        case .login: loginJudged(decision)
        case .loginResult(let attempt, let outcome, let reply): loginResultJudged(attempt, outcome, reply, decision)
        case .recipientReply(let ticket, let reply, let newest):
            recipientReplyJudged(ticket, reply, newest, decision)
        case .endOfData(let verb): endJudged(verb, decision)
        case .lastChunk: lastChunkJudged(decision)
        }
    }
}
