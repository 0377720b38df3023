import Bytes
import Policy
import SMTPSession
import SMTPWire

// DATA: the content streams through; its end is given to the backend only when the policy has seen the message.

extension Conversation {
    mutating func relayData(_ decision: Decision) {
        guard backend.isOpen, let permit = decision.permit() else {
            refund(.command)
            return answer(Replies.backendUnavailable, to: .data)
        }
        chargeCommand(to: .content)
        machine.beginContent(MailTransaction.Content(decision: decision, isConverted: false))
        backend.send(.data, permit: permit, to: &toBackend)
        reading = .paused(.backend(.goAhead))
        server.since = now
    }

    /// The backend answered DATA: only its 354 lets content flow.
    mutating func dataAnswered(_ reply: Reply) {
        switch reply.code / 100 {
        case 3 where reply.code == 354:
            answer(reply, to: .data)
            reading = .content(ContentReception(sink: contentSink))
            observer = context.book.observation.map { HeaderObserver($0, isStuffed: true) }
            beginClock()
        case 4, 5:
            machine.contentRefused()
            refund(.content)
            answer(reply, to: .data)
            startReading()
        case _:
            backendFailed(.unexpectedReply(reply))
        }
    }

    private var contentSink: ContentReception.Sink {
        switch context.limits.bareNewline {
        case .reject: .relay
        case .normalize, .policy: .normalize(DataNormalizer())
        }
    }

    /// Content begins to count for deadlines.
    mutating func beginClock() {
        client.contentBegan = now
        client.since = now
        client.heldSince = nil
    }

    /// Reads on in the content; false when more is needed.
    mutating func readContent(_ reception: ContentReception) -> Bool {
        guard !fromClient.isEmpty, !isBackendBehind else { return false }
        var reception = reception
        let before = fromClient.count
        if fromClient.isFull { fromClient.isWide = true }
        let isAtEnd = take(&reception)
        reception.octets &+= UInt64(before - (fromClient.count - lent - withheld))
        checkSize(&reception)
        if isAtEnd {
            contentEnded(reception)
        } else {
            reading = .content(reception)
            checkExcess(reception)
        }
        return true
    }

    /// Takes one step through the content; true at its end.
    private mutating func take(_ reception: inout ContentReception) -> Bool {
        switch reception.sink {
        case .relay:
            return relayContent(&reception)
        case .normalize(var normalizer):
            let event = normalizer.normalize(fromClient, into: &toBackend)
            reception.sink = .normalize(normalizer)
            return normalized(event, normalizer, &reception)
        case .discard:
            switch reception.scanner.discard(fromClient.unread) {
            case .more:
                fromClient.consume(fromClient.count)
                return false
            case .endOfData(let consumed):
                fromClient.consume(consumed)
                return true
            }
        }
    }

    private mutating func relayContent(_ reception: inout ContentReception) -> Bool {
        let step = reception.scanner.scan(fromClient.unread)
        toBackend.append(step.held.text)
        switch step.event {
        case .more:
            observe(fromClient.count)
            pass(step.forward, of: fromClient.count)
            return false
        case .endOfData(let consumed):
            toBackend.append(first: step.forward, of: fromClient)
            observe(consumed)
            fromClient.consume(consumed)
            facts.message.size = reception.scanner.contentOctets
            return true
        case .violation(let violation, let consumed):
            fromClient.consume(consumed)
            contentViolated(violation, &reception)
            return false
        }
    }

    /// The first `forward` of the `count` octets that were read go to the backend: lent where there are many.
    mutating func pass(_ forward: Int, of count: Int) {
        if forward >= worthLending {
            (lent, withheld) = (forward, count - forward)
        } else {
            toBackend.append(first: forward, of: fromClient)
            fromClient.consume(count)
        }
    }

    /// What is not written now is not written by this loan any more.
    mutating func takeBackLent() {
        fromClient.consume(lent + withheld)
        (lent, withheld) = (0, 0)
    }

    private mutating func normalized(
        _ event: DataNormalizer.Event, _ normalizer: DataNormalizer, _ reception: inout ContentReception
    ) -> Bool {
        switch event {
        case .more:
            observe(fromClient.count)
            fromClient.consume(fromClient.count)
            return false
        case .endOfData(let consumed):
            observe(consumed)
            fromClient.consume(consumed)
            facts.message.size = normalizer.contentOctets
            facts.message.hasBareCR = normalizer.bareCRs > 0
            facts.message.hasBareLF = normalizer.bareLFs > 0
            return true
        case .violation(let violation, let consumed):
            fromClient.consume(consumed)
            contentViolated(violation, &reception)
            return false
        }
    }

    /// Illegal octets: the backend never gets the end, and the client is read to its own.
    private mutating func contentViolated(_ violation: Violation, _ reception: inout ContentReception) {
        note(violation)
        dropBackend()
        reception.discard(Replies.bareNewlineInContent)
    }

    mutating func note(_ violation: Violation) {
        switch violation {
        case .bareCR: facts.message.hasBareCR = true
        case .bareLF: facts.message.hasBareLF = true
        case .nul: facts.message.hasNUL = true
        }
        self.violation("bare-newline")
        reportRefusal("DATA", check: "bare-newline", Replies.bareNewlineInContent)
    }

    private mutating func checkSize(_ reception: inout ContentReception) {
        let limit = context.limits.maxMessageSize
        guard limit > 0, reception.contentOctets > limit else { return }
        if case .discard = reception.sink { return }
        dropBackend()
        reportRefusal("DATA", check: "message-size", Replies.messageTooBig)
        reception.discard(Replies.messageTooBig)
    }

    /// A message that is too long is read for a while longer, then the connection is closed (RFC 1870 6.3).
    private mutating func checkExcess(_ reception: ContentReception) {
        let (bound, overflow) = context.limits.maxMessageSize.addingReportingOverflow(context.limits.maxSizeExcess)
        guard context.limits.maxMessageSize > 0, !overflow, reception.octets > bound,
            case .discard(let reply) = reception.sink
        else { return }
        contentRefused(reply)
        closeAfterReplies()
    }

    private mutating func contentEnded(_ reception: ContentReception) {
        switch reception.sink {
        case .discard(let reply): contentRefused(reply)
        case .relay, .normalize: giveEnd()
        }
    }

    private mutating func contentRefused(_ reply: Reply, to verb: Verb = .data) {
        endOfTransaction()
        answer(reply, to: verb)
        startReading()
    }

    /// Asks stage `message`, then gives the backend the end of data, or takes the connection away without it.
    mutating func giveEnd(of verb: Verb = .data) {
        learnHeader()
        guard let decision = decide(.message, paying: .content, for: .endOfData(verb)) else { return }
        endJudged(verb, decision)
    }

    mutating func endJudged(_ verb: Verb, _ decision: Decision) {
        if let refusal = decision.verdict.refusal {
            reportRefusal("END-OF-MESSAGE", decision, refusal)
            dropBackend()
            contentRefused(signed(refusal), to: verb)
            if case .drop = decision.verdict { closeAfterReplies() }
        } else if let permit = decision.permit() {
            backend.send(.endOfData, permit: permit, to: &toBackend)
            reading = .paused(.backend(.endOfData(verb)))
            server.since = now
        }
    }

    /// The backend's word on the message is the client's.
    mutating func endOfDataAnswered(_ reply: Reply, to verb: Verb) {
        guard reply.isPositive || reply.code >= 400 else { return backendFailed(.unexpectedReply(reply)) }
        server.hasTransaction = false
        if reply.isPositive { setPayments(of: .content, to: Payments()) }
        reportMessage(reply)
        endOfTransaction()
        if client.isGone { return endSession() }
        answer(reply, to: verb)
        startReading()
    }

    /// The transaction is over, whatever became of it; nothing of it reaches the next one.
    mutating func endOfTransaction() {
        fromClient.isWide = false
        machine.endTransaction()
        facts.forgetTransaction()
        chunks = nil
        observer = nil
        refund(.content)
    }

    private mutating func reportMessage(_ reply: Reply) {
        guard let transaction = machine.transaction else { return }
        tally.transactions += 1
        if reply.isPositive {
            facts.session.messages += 1
            tally.errors = 0
            tally.junk = 0
        }
        effects.append(
            .report(
                .messageTaken(
                    MessageReport(
                        number: tally.transactions, sender: facts.sender?.address ?? [],
                        recipients: transaction.recipientsAccepted, size: facts.message.size,
                        reply: reply.replyText, queueID: reply.queueID, relay: serverName,
                        delay: now &- transaction.startedAt, user: facts.auth.user,
                        mechanism: machine.greeting?.login?.mechanism))))
    }
}

extension Reply {
    /// The word behind "queued as" (Postfix) or "id=" (Exim) in a reply to the end of data.
    var queueID: String? {
        guard isPositive else { return nil }
        let line = firstLine
        return Self.word(in: line, behind: "queued as ") ?? Self.word(in: line, behind: "id=")
    }

    /// The word that follows the first `mark` that begins a word.
    private static func word(in line: [UInt8], behind mark: StaticString) -> String? {
        let length = mark.utf8CodeUnitCount
        var start = 0
        while start + length < line.count {
            let isWord = start == 0 || line[start - 1] == ASCII.space
            if isWord, (0..<length).allSatisfy({ unsafe line[start + $0] == mark.utf8Start[$0] }) {
                let word = line[(start + length)...].prefix { $0 != ASCII.space }
                return word.isEmpty ? nil : String(decoding: word, as: UTF8.self)
            }
            start += 1
        }
        return nil
    }
}
