import Policy
import Bytes
import SMTPSession
import SMTPWire

// Time: one deadline at any moment, made of what both sides may take.

extension Conversation {
    /// Nanoseconds that the backend gets to close after QUIT.
    static var quitGrace: UInt64 { 1_000_000_000 }

    /// Nanoseconds that a connection refused at its greeting stays open for QUIT.
    static var refusedGrace: UInt64 { 10_000_000_000 }

    /// When `deadlinePassed` is to be called, on the session's clock; `.max` for never.
    public var deadline: UInt64 {
        // Every event asks, so the object is not held while there is none.
        if question != nil { return question?.deadline ?? .max }
        // In pairs: for more than three there is a function that takes an array.
        return min(min(clientDeadline, backendDeadline), min(writeDeadline, heldUntil ?? .max))
    }

    /// The driver's clock reached `deadline` (or later: a deadline that has moved is not held against anyone).
    public mutating func deadlinePassed(now: UInt64) {
        self.now = now
        if let question {
            return now >= question.deadline ? giveUp(question) : ()
        }
        if now >= backendDeadline {
            backendTimedOut()
        } else if now >= writeDeadline {
            clientDoesNotRead()
        } else if now >= clientDeadline {
            clientTimedOut()
        }
        process()
    }

    // MARK: The client

    private var clientDeadline: UInt64 {
        if heldUntil != nil { return .max }
        let timeouts = context.timeouts.client
        switch reading {
        case .paused(.greeting): return client.since &+ context.limits.greetWait
        case .paused(.handshake): return client.since &+ timeouts.tlsHandshake
        case .paused(.loginDelay): return client.since &+ context.limits.authFailDelay
        case .paused(.barrier), .paused(.backend), .paused(.splicing), .paused(.closing), .paused(.closed): return .max
        case .spliced: return client.since &+ splicedSilence
        case .commands, .loginResponse:
            if let refusedAt { return refusedAt &+ Self.refusedGrace }
            if client.isHeld { return .max }
            if let began = client.lineBegan { return began &+ timeouts.commandDeadline }
            return queue.isEmpty ? client.since &+ timeouts.command : .max
        case .overlongLine: return client.since &+ timeouts.commandDeadline
        case .content(let reception): return contentDeadline(octets: reception.octets)
        case .chunk(let reception): return contentDeadline(octets: reception.size &- reception.remaining)
        }
    }

    /// The sooner of a silence that lasts too long and an average rate that is too low.
    private func contentDeadline(octets: UInt64) -> UInt64 {
        if client.heldSince != nil { return .max }
        let silence = client.since &+ context.timeouts.client.dataBlock
        let rate = context.limits.minDataRate
        guard rate > 0 else { return silence }
        let (earned, overflow) = octets.multipliedReportingOverflow(by: 1_000_000_000)
        let allowance = overflow ? UInt64.max / 2 : earned / rate
        return min(silence, client.contentBegan &+ max(context.limits.dataGrace, allowance))
    }

    /// What every event does to the clocks: time in which we did not read counts against nobody.
    mutating func keepTime() {
        switch reading {
        case .content, .chunk:
            if isBackendBehind, client.heldSince == nil { client.heldSince = now }
        case .commands, .loginResponse:
            holdLines()
        case .paused, .overlongLine, .spliced:
            break
        }
        // Output counts as waiting from the moment that there is some.
        if toClient.isEmpty || !client.hadOutput { client.lastWrite = now }
        client.hadOutput = !toClient.isEmpty
        noteBackendOutput()
    }

    /// What waits for the backend counts as waiting from the moment that there is some.
    mutating func noteBackendOutput() {
        let hasOutput = !toBackend.isEmpty || lent > 0
        if !server.hadOutput, hasOutput { server.since = now }
        server.hadOutput = hasOutput
    }

    /// Lines are not read while too many replies wait.
    private mutating func holdLines() {
        let isHeld = !wantsClientInput
        if client.isHeld, !isHeld { startReading() }
        client.isHeld = isHeld
    }

    private mutating func clientTimedOut() {
        switch reading {
        case .paused(.greeting):
            admit()
        case .paused(.loginDelay(let reply, let closes)):
            answerLogin(reply, closes: closes)
        case .paused(.handshake):
            effects.append(.report(.tlsFailed(reason: "handshake timed out")))
            leave(lost: false)
        case .content, .chunk:
            effects.append(.report(.timedOut(after: client.lastCommand)))
            dropBackend()
            endOfTransaction()
            close(with: Replies.timeout(context.hostname))
        case .commands, .loginResponse, .overlongLine:
            effects.append(.report(.timedOut(after: client.lastCommand)))
            close(with: Replies.timeout(context.hostname))
        case .spliced:
            effects.append(.report(.timedOut(after: client.lastCommand)))
            leave(lost: false)
        case .paused:
            break
        }
    }

    /// What waits for the client is given up, so that nothing can wait for it any longer.
    private mutating func clientDoesNotRead() {
        effects.append(.report(.timedOut(after: client.lastCommand)))
        toClient.discard()
        if case .paused(.closed) = reading {
            effects.append(.closeClient)
        } else {
            leave(lost: false)
        }
    }

    /// A client that does not take our replies.
    private var writeDeadline: UInt64 {
        toClient.isEmpty ? .max : client.lastWrite &+ context.timeouts.client.dataBlock
    }

    // MARK: The backend

    private var backendDeadline: UInt64 {
        let timeouts = context.timeouts.backend
        if server.isQuitting { return server.since &+ Self.quitGrace }
        if backend.awaitsHandshake { return server.since &+ timeouts.greeting }
        if backend.isConnecting { return server.since &+ timeouts.connect }
        if !toBackend.isEmpty || lent > 0 { return server.since &+ timeouts.dataBlock }
        switch reading {
        case .content, .chunk: return .max
        case .paused, .commands, .loginResponse, .overlongLine, .spliced: break
        }
        guard let awaits = backend.awaits else { return .max }
        if awaits == "greeting" { return server.since &+ timeouts.greeting }
        return server.since &+ (backend.awaitsEndOfData ? timeouts.endOfData : timeouts.reply)
    }

    private mutating func backendTimedOut() {
        if server.isQuitting {
            finishQuitting()
        } else {
            backendFailed(.timedOut(during: backend.awaits ?? "data"))
        }
    }
}
