import Bytes
import Policy
import SMTPSession
import SMTPWire

// Replies: in order, counted, signed where they refuse.

extension Conversation {
    /// Queues the reply to a command.
    mutating func answer(_ reply: Reply, to verb: Verb) {
        queue.append(reply, to: verb, delay: takeDelay())
    }

    /// What `delay:` asks for the reply to the command in hand; asked for once.
    mutating func takeDelay() -> UInt64 {
        if burdens == nil { return 0 }
        defer { commandDelay = 0 }
        return commandDelay
    }

    /// Whether the oldest reply has to be held back, for its own delay or for the session's tarpit.
    private mutating func holdsReply() -> Bool {
        if let until = heldUntil {
            if now < until { return true }
            heldUntil = nil
            resumeClock()
            return false
        }
        guard let delay = queue.nextDelay else { return false }
        let hold = delay.addingReportingOverflow(tarpit).partialValue
        if hold == 0 { return false }
        heldUntil = now &+ hold
        return true
    }

    /// While a reply is held back the client waits for us, not we for it.
    private mutating func resumeClock() {
        client.since = now
        if case .content(let reception) = reading, reception.octets == 0 { client.contentBegan = now }
    }

    /// Writes the replies whose turn has come; afterwards acts on a queue that ran empty.
    mutating func flushReplies() {
        // Every event comes here, most of them with nothing to write.
        if queue.isEmpty, burdens == nil { return }
        while !holdsReply(), let answer = queue.next() {
            ReplyEncoder.write(answer.reply, to: &toClient)
            count(answer)
            if isOverErrorLimit { return giveUp() }
        }
    }

    private mutating func count(_ answer: ReplyQueue.Answer) {
        let index = Int(answer.verb.rawValue)
        guard index < tally.counts.count else { return }
        if answer.reply.code >= 400 {
            if answer.verb != .quit, !isClosing, !answer.reply.isOurFault { tally.errors += 1 }
        } else if answer.reply.isPositive {
            tally.counts[index].succeeded += 1
        }
    }

    private var isClosing: Bool {
        switch reading {
        case .paused(.closing), .paused(.closed): true
        case .paused, .commands, .loginResponse, .overlongLine, .content, .chunk, .spliced: false
        }
    }

    private var isOverErrorLimit: Bool {
        tally.errors >= context.limits.maxErrors && !isClosing
    }

    private mutating func giveUp() {
        effects.append(.report(.tooManyErrors(after: client.lastCommand)))
        queue.removeAll()
        heldUntil = nil
        ReplyEncoder.write(Replies.tooManyErrors(context.hostname), to: &toClient)
        reading = .paused(.closing)
    }

    /// A refusal with the session's id at its end, by which `explain --sid` finds it.
    func signed(_ text: ReplyText) -> Reply {
        Reply(code: text.code, lines: [text.text + Array(" sid=\(identity.sid)".utf8)])
    }
}

// MARK: Decisions

extension Conversation {
    mutating func reportRefusal(_ command: String, _ decision: Decision, _ refusal: ReplyText) {
        var report = refusalReport(command, decision.stage, refusal, decision.rule)
        report.policyHash = decision.policyHash
        if case .drop = decision.verdict { report.closes = true }
        effects.append(.report(.refused(report)))
    }

    /// A check of the protocol's own refused the command.
    mutating func reportRefusal(_ command: String, check: String, _ reply: Reply) {
        effects.append(.report(.refused(refusalReport(command, nil, reply.replyText, .builtIn(check)))))
    }

    func refusalReport(
        _ command: String, _ stage: Stage?, _ reply: ReplyText, _ rule: RuleID, mode: Mode = .enforce
    ) -> RefusalReport {
        RefusalReport(
            command: command, stage: stage, reply: reply, rule: rule, mode: mode, sender: facts.sender?.address,
            recipient: facts.recipient?.address)
    }

    mutating func violation(_ kind: String) {
        facts.client.protocolErrors += 1
        effects.append(.report(.protocolViolation(kind: kind, during: client.lastCommand)))
    }

    /// What the disconnect line says.
    var summary: SessionSummary {
        var counts: [SessionSummary.Count] = []
        counts.reserveCapacity(6)
        for verb in Verb.allCases {
            let count = tally.counts[Int(verb.rawValue)]
            guard count.total > 0 else { continue }
            counts.append(
                SessionSummary.Count(
                    command: verb.word, succeeded: Int(count.succeeded), total: Int(count.total)))
        }
        var summary = SessionSummary(
            counts: counts, messages: facts.session.messages, duration: now &- startedAt, bytesIn: tally.bytesIn,
            bytesOut: tally.bytesOut, tls: facts.tls, user: facts.auth.user)
        summary.tags = facts.session.tags
        return summary
    }
}

extension Stage {
    /// The command of the stage in Postfix's words.
    var commandName: String {
        switch self {
        case .connect: "CONNECT"
        case .helo: "HELO"
        case .starttls: "STARTTLS"
        case .auth, .login, .authReply: "AUTH"
        case .mail: "MAIL"
        case .rcpt, .rcptReply: "RCPT"
        case .data: "DATA"
        case .message: "END-OF-MESSAGE"
        }
    }
}
