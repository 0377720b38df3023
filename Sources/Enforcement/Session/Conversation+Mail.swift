import Bytes
import Policy
import SMTPSession
import SMTPWire

// MAIL and RCPT: the sender is answered by us and travels with the first recipient that the policy passes.

extension Conversation {
    mutating func beginTransaction(_ mail: MailCommand, _ decision: Decision) {
        machine.beginTransaction(mail, decision: decision, now: now)
        chargeCommand(to: .mail)
        answer(Replies.senderOK, to: .mail)
    }

    /// Ends the transaction on our side; the backend hears of it with the next one.
    mutating func resetTransaction() {
        // In the middle of converted chunks the backend is inside DATA, where RSET would be content.
        if machine.transaction?.content?.isConverted == true { dropBackend() }
        machine.endTransaction()
        facts.forgetTransaction()
        chunks = nil
        observer = nil
        refund(.content)
    }

    mutating func relayRecipient(_ rcpt: RcptCommand, _ decision: Decision) {
        guard let transaction = machine.transaction else { return answer(Replies.backendUnavailable, to: .rcpt) }
        switch transaction.relayed {
        case .lost(let reply), .mailRefused(let reply):
            return refuseRecipient(reply)
        case .notYet, .mailSent, .mailAccepted:
            break
        }
        if let live = backend.capabilities, !server.needsHello,
            let refusal = Offer.refusal(of: transaction.mail, by: live) ?? Offer.refusal(of: rcpt, by: live)
        {
            return refuseRecipient(refusal)
        }
        guard openBackend() else {
            machine.transaction?.fault = Replies.backendUnavailable
            return refuseRecipient(Replies.backendUnavailable)
        }
        send(rcpt, decision, of: transaction)
    }

    /// The policy passed it, but the backend does not get it.
    private mutating func refuseRecipient(_ reply: Reply) {
        refund(.command)
        answer(reply, to: .rcpt)
    }

    private mutating func send(_ rcpt: RcptCommand, _ decision: Decision, of transaction: MailTransaction) {
        guard let permit = decision.permit() else { return answer(Replies.backendUnavailable, to: .rcpt) }
        // A client that keeps sending does not give its backend more time.
        if backend.awaits == nil { server.since = now }
        if transaction.relayed == .notYet {
            guard let mailPermit = transaction.decision.permit() else {
                return answer(Replies.backendUnavailable, to: .rcpt)
            }
            refreshBackend()
            backend.send(.mail(transaction.mail), permit: mailPermit, to: &toBackend)
            machine.transaction?.relayed = .mailSent
            server.hasTransaction = true
        }
        let ticket = queue.awaitReply(to: .rcpt, delay: takeDelay())
        if let recipient = facts.recipient {
            recipientsSent.append(
                SentRecipient(
                    ticket: ticket, recipient: recipient, number: facts.recipients.asked,
                    payments: payments(of: .command)))
        }
        backend.send(.rcpt(rcpt, ticket), permit: permit, to: &toBackend)
    }

    /// Brings an open backend connection to where a new transaction may begin.
    private mutating func refreshBackend() {
        if server.needsHello, backend.isOpen {
            backend.send(housekeeping: .hello(clientIdentity), to: &toBackend)
            server.needsHello = false
            server.hasTransaction = false
        } else if server.hasTransaction {
            backend.send(housekeeping: .rset, to: &toBackend)
        }
    }

    // MARK: The backend's answers

    mutating func mailAnswered(_ reply: Reply) {
        switch reply.code / 100 {
        case 2:
            machine.transaction?.relayed = .mailAccepted
            setPayments(of: .mail, to: Payments())
        case 4, 5:
            machine.transaction?.relayed = .mailRefused(reply)
            refund(.mail)
        case _: backendFailed(.unexpectedReply(reply))
        }
    }

    mutating func recipientAnswered(_ ticket: ReplyQueue.Ticket, _ reply: Reply) {
        if case .mailRefused(let refusal) = machine.transaction?.relayed {
            return settle(ticket, refusal, isTaken: false)
        }
        switch reply.code / 100 {
        case 2: settle(ticket, reply, isTaken: true)
        case 4, 5: settle(ticket, reply, isTaken: false)
        case _: backendFailed(.unexpectedReply(reply))
        }
    }

    private mutating func settle(_ ticket: ReplyQueue.Ticket, _ reply: Reply, isTaken: Bool) {
        let newest = NewestRecipient(facts: facts.recipient, number: facts.recipients.asked)
        setPayments(of: .recipient, to: Payments())
        if let index = recipientsSent.firstIndex(where: { $0.ticket == ticket }) {
            let sent = recipientsSent.remove(at: index)
            (facts.recipient, facts.recipients.asked) = (sent.recipient, sent.number)
            setPayments(of: .recipient, to: sent.payments)
        }
        facts.backendCode = reply.code
        recipientJudged(reply.code)
        if isTaken {
            machine.transaction?.recipientsAccepted += 1
        } else {
            facts.recipients.rejected += 1
            refund(.recipient)
            effects.append(
                .report(.backendRefused(refusalReport("RCPT", .rcptReply, reply.replyText, .builtIn("backend")))))
        }
        if !context.book.hasRules(at: .rcptReply) {
            queue.answer(ticket, with: reply)
            return recall(newest)
        }
        let purpose = Purpose.recipientReply(ticket, reply, newest)
        guard let decision = decide(.rcptReply, paying: .recipient, for: purpose) else { return }
        recipientReplyJudged(ticket, reply, newest, decision)
    }

    mutating func recipientReplyJudged(
        _ ticket: ReplyQueue.Ticket, _ reply: Reply, _ newest: NewestRecipient, _ decision: Decision
    ) {
        let delay = takeDelay()
        if case .drop(let refusal) = decision.verdict {
            reportRefusal("RCPT", decision, refusal)
            queue.end(at: ticket, with: signed(refusal))
            closeAfterReplies()
        } else {
            queue.answer(ticket, with: reply, delay: delay)
        }
        recall(newest)
    }

    /// The facts are those of the command in hand again.
    private mutating func recall(_ newest: NewestRecipient) {
        (facts.recipient, facts.recipients.asked) = (newest.facts, newest.number)
    }

    /// The recipients that wait for the backend will never hear from it.
    mutating func forgetSentRecipients() {
        for sent in recipientsSent { refund(sent.payments) }
        recipientsSent = []
    }
}
