import Bytes
import Policy
import SMTPSession
import SMTPWire

// From lines to commands, and each command through its three steps: is it in order, does the policy agree, do it.

extension Conversation {
    /// Octets of a line without end after which the connection is closed.
    static var longestLine: Int { 64 * 1024 }

    /// Reads on until there is nothing to read, or something has to be waited for.
    mutating func process() {
        if question != nil { return }
        resumeContent()
        repeat { flushReplies() } while (resume() || step()) && question == nil
        if question != nil { return }
        keepTime()
        leaveAtEnd()
    }

    /// Does what an empty queue makes possible; false when there is nothing of the kind.
    private mutating func resume() -> Bool {
        guard queue.isEmpty, case .paused(let pause) = reading else { return false }
        switch pause {
        case .barrier(let command):
            startReading()
            perform(command)
            return true
        case .closing:
            endSession()
            return true
        case .splicing:
            beginSplice()
            return false
        case .greeting, .handshake, .backend, .loginDelay, .closed:
            return false
        }
    }

    /// One step of reading; false when the next one needs more than we have.
    private mutating func step() -> Bool {
        guard wantsClientInput else { return false }
        switch reading {
        case .paused, .spliced: return false
        case .commands: return readCommand()
        case .loginResponse: return readLoginResponse()
        case .overlongLine(let discarder, let discarded): return readOverlongLine(discarder, discarded)
        case .content(let reception): return readContent(reception)
        case .chunk(let reception): return readChunk(reception)
        }
    }

    /// The client has sent all that it ever will, and all of it is answered.
    private mutating func leaveAtEnd() {
        guard client.isAtEnd, queue.isEmpty else { return }
        switch reading {
        case .commands, .loginResponse, .overlongLine, .content, .chunk, .paused(.greeting), .paused(.handshake):
            if client.heldSince == nil { leave(lost: !client.hasQuit) }
        case .paused(.barrier), .paused(.backend), .paused(.loginDelay), .paused(.closing), .paused(.closed),
            .paused(.splicing), .spliced:
            break
        }
    }

    // MARK: Lines

    private mutating func readCommand() -> Bool {
        if client.drains, fromClient.isEmpty, queue.isEmpty, !machine.hasTransaction {
            close(with: Replies.shuttingDown(context.hostname))
            return true
        }
        if fromClient.isEmpty { return false }
        let isAuth = Self.beginsWithAUTH(fromClient.unread)
        let limit = isAuth ? context.limits.maxAuthLine : context.limits.maxLine
        switch LineFramer.next(fromClient.unread, limit: limit - 2) {
        case .incomplete:
            return false
        case .line(let length):
            let parsed = CommandParser.parse(fromClient.unread.extracting(0..<length))
            fromClient.consume(length + 2)
            client.lineBegan = fromClient.isEmpty ? nil : now
            client.since = now
            received(parsed)
            return true
        case .bareNewline:
            refuseBareNewline()
            return true
        case .tooLong:
            refuseOverlongLine(isAuth ? Replies.authLineTooLong : Replies.lineTooLong, isAuth ? .auth : .unknown)
            return true
        }
    }

    private mutating func readLoginResponse() -> Bool {
        switch LineFramer.next(fromClient.unread, limit: context.limits.maxAuthLine - 2) {
        case .incomplete:
            return false
        case .line(let length):
            let line = unsafe fromClient.unread.extracting(0..<length).withUnsafeBytes { unsafe Array($0) }
            fromClient.consume(length + 2)
            startReading()
            loginResponded(line)
            return true
        case .bareNewline:
            refuseBareNewline()
            return true
        case .tooLong:
            abandonLogin()
            refuseOverlongLine(Replies.authLineTooLong, .auth)
            return true
        }
    }

    private static func beginsWithAUTH(_ line: RawSpan) -> Bool {
        guard line.byteCount >= 5 else { return false }
        let auth: InlineArray<5, UInt8> = [0x41, 0x55, 0x54, 0x48, 0x20]
        for index in 0..<5
        where ASCII.uppercased(unsafe line.unsafeLoad(fromByteOffset: index, as: UInt8.self)) != auth[index] {
            return false
        }
        return true
    }

    /// A line that holds what no line may hold: nobody knows any more where commands begin, so the session ends.
    private mutating func refuseBareNewline() {
        tally.counts[Int(Verb.unknown.rawValue)].total += 1
        violation("bare-newline")
        reportRefusal("UNKNOWN", check: "bare-newline", Replies.bareNewlineInCommand)
        close(with: Replies.bareNewlineInCommand)
    }

    private mutating func refuseOverlongLine(_ reply: Reply, _ verb: Verb) {
        tally.counts[Int(verb.rawValue)].total += 1
        violation("overlong-line")
        client.since = now
        answer(reply, to: verb)
        reading = .overlongLine(LineDiscarder(), discarded: 0)
    }

    private mutating func readOverlongLine(_ discarder: LineDiscarder, _ discarded: Int) -> Bool {
        guard !fromClient.isEmpty else { return false }
        var discarder = discarder
        let (consumed, ended) = discarder.discard(fromClient.unread)
        fromClient.consume(consumed)
        let total = discarded + consumed
        if ended {
            startReading()
        } else if total > Self.longestLine {
            close(with: Replies.commandTooLong(context.hostname))
        } else {
            reading = .overlongLine(discarder, discarded: total)
        }
        return true
    }

    // MARK: Commands

    private mutating func received(_ parsed: Result<Command, CommandFault>) {
        facts.session.commands += 1
        switch parsed {
        case .success(let command): received(command)
        case .failure(let fault): received(fault)
        }
    }

    private mutating func received(_ fault: CommandFault) {
        tally.counts[Int(fault.verb.rawValue)].total += 1
        client.lastCommand = fault.verb.name
        if server.lostLogin { return close(with: Replies.loginLost(context.hostname)) }
        answer(Replies.reply(to: fault), to: fault.verb)
        switch fault.kind {
        case .forbidden:
            violation("foreign-protocol")
            closeAfterReplies()
        case .badChunkSize:
            closeAfterReplies()
        case .unknownCommand, .syntax, .badAddress, .needsSMTPUTF8, .unknownParameter, .parameterValue,
            .duplicateParameter, .missingArgument, .unexpectedArgument, .badBase64, .sizeOverflow, .illegalBytes:
            break
        }
    }

    private mutating func received(_ command: Command) {
        tally.counts[Int(command.verb.rawValue)].total += 1
        client.lastCommand = command.verb.name
        if case .mail = command, !machine.hasTransaction { context = source.current }
        let row = CommandRow.row(for: command)
        if row.isJunk { tally.junk += 1 }
        if let last = lastWord(before: command) {
            close(with: last)
        } else if row.isBarrier || isSerial(command), !queue.isEmpty {
            reading = .paused(.barrier(command))
        } else {
            perform(command)
        }
    }

    /// Recipients are sent ahead unless a rule about one depends on what became of those before it.
    private func isSerial(_ command: Command) -> Bool {
        if case .rcpt = command { context.book.readsOutcome(at: .rcpt) } else { false }
    }

    /// The 421 that ends the session instead of the reply to `command`.
    private func lastWord(before command: Command) -> Reply? {
        if case .quit = command { return nil }
        if server.lostLogin { return Replies.loginLost(context.hostname) }
        if tally.junk > context.limits.maxJunk { return Replies.tooManyErrors(context.hostname) }
        switch command {
        case .mail where !hasClient, .auth where !hasClient:
            return Replies.noClientIdentity(context.hostname)
        case .mail where !machine.hasTransaction && tally.transactions >= context.limits.maxMessages:
            return Replies.tooManyMessages(context.hostname)
        case .mail where client.drains && !machine.hasTransaction:
            return Replies.shuttingDown(context.hostname)
        case .helo, .ehlo, .starttls, .auth, .mail, .rcpt, .data, .bdat, .rset, .noop, .quit, .vrfy, .expn, .help:
            return nil
        }
    }

    /// The three steps.
    private mutating func perform(_ command: Command) {
        if burdens?.refusedAt != nil, command != .quit { return refuse(command, Replies.refusedConnection) }
        if let refusal = machine.refusal(of: command, rules: context.rules) {
            return refuse(command, refusal)
        }
        if let (reply, closes) = refusalOfBanned(command) {
            reportRefusal(command.verb.name, check: "ban", reply)
            refuse(command, reply)
            return closes ? closeAfterReplies() : ()
        }
        guard let stage = CommandRow.row(for: command).stage else { return proceed(command) }
        // A running session takes a new policy at its next MAIL, and keeps it for the whole transaction.
        if stage == .mail { context = source.current }
        forgetBurdensOfCommand()
        learnFacts(of: command)
        let decision = stage == .data ? decideContent(command) : decide(stage, for: .command(command))
        if let decision { judged(command, decision) }
    }

    mutating func judged(_ command: Command, _ decision: Decision) {
        if let refusal = decision.verdict.refusal {
            reportRefusal(command.verb.name, decision, refusal)
            refuse(command, signed(refusal))
            forgetFacts(of: command)
            if case .drop = decision.verdict { closeAfterReplies() }
        } else {
            proceed(command, decision)
        }
    }

    /// Only the first chunk of a message asks stage `data`; the others go under its decision.
    private mutating func decideContent(_ command: Command) -> Decision? {
        machine.transaction?.content?.decision ?? decide(.data, for: .command(command))
    }

    /// Answers a command that is not carried out; a chunk's payload is swallowed first.
    mutating func refuse(_ command: Command, _ reply: Reply) {
        if case .bdat(let size, let last) = command {
            refuseChunk(size: size, last: last, reply)
        } else {
            answer(reply, to: command.verb)
        }
    }

    /// Commands that no policy is asked about.
    private mutating func proceed(_ command: Command) {
        switch command {
        case .rset:
            resetTransaction()
            answer(Replies.ok, to: .rset)
        case .noop: answer(Replies.ok, to: .noop)
        case .vrfy: answer(Replies.vrfy, to: .vrfy)
        case .help: answer(Replies.help, to: .help)
        case .quit:
            client.hasQuit = true
            answer(Replies.bye, to: .quit)
            closeAfterReplies()
        case .helo, .ehlo, .starttls, .auth, .mail, .rcpt, .data, .bdat, .expn:
            answer(Replies.backendUnavailable, to: command.verb)
        }
    }

    /// Commands that the policy accepted.
    private mutating func proceed(_ command: Command, _ decision: Decision) {
        switch command {
        case .helo(let name): hear(name, isExtended: false)
        case .ehlo(let name): hear(name, isExtended: true)
        case .starttls: intercepted == nil ? startTLS() : passStartTLS(decision)
        case .auth(let auth): beginLogin(auth, decision)
        case .mail(let mail): beginTransaction(mail, decision)
        case .rcpt(let rcpt): relayRecipient(rcpt, decision)
        case .data: relayData(decision)
        case .bdat(let size, let last): relayChunk(size: size, last: last, decision)
        case .rset, .noop, .quit, .vrfy, .expn, .help: proceed(command)
        }
    }
}
