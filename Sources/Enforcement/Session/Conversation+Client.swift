import Bytes
public import Policy
import SMTPSession
import SMTPWire

// What happens on the client's connection.

extension Conversation {
    /// The connection was accepted (and its PROXY header read).
    public mutating func start(now: UInt64) {
        self.now = now
        client.since = now
        client.lastWrite = now
        effects.append(.report(.connected))
        if context.limits.greetWait > 0, context.tls != .implicit {
            reading = .paused(.greeting)
        } else {
            admit()
        }
        process()
    }

    /// `count` octets were added to `fromClient`.
    public mutating func clientSent(_ count: Int, now: UInt64) {
        self.now = now
        tally.bytesIn &+= UInt64(count)
        switch reading {
        case .paused(.greeting) where question == nil:
            facts.client.talkedEarly = true
            violation("early-talk")
            admit()
        case .content, .chunk:
            client.since = now
        case .spliced:
            return splicedOn()
        case .commands, .loginResponse:
            if client.lineBegan == nil { client.lineBegan = now }
        case .paused, .overlongLine:
            break
        }
        process()
    }

    /// `count` octets of `toClient` were written.
    public mutating func clientTook(_ count: Int, now: UInt64) {
        self.now = now
        client.lastWrite = now
        tally.bytesOut &+= UInt64(count)
        if isPassedOn, case .spliced = reading { return splicedOn() }
        if waitsForClient { return process() }
        client.hadOutput = !toClient.isEmpty
    }

    /// Commands are not read because the client is behind with our replies.
    private var waitsForClient: Bool {
        if case .overlongLine = reading { true } else { client.isHeld }
    }

    /// The client sends no more; what it sent before is still answered.
    public mutating func clientEnded(now: UInt64) {
        self.now = now
        client.isAtEnd = true
        if isPassedOn, case .spliced = reading { return clientDone() }
        process()
    }

    /// The client's connection broke: nothing can be said to it any more.
    public mutating func clientBroke(now: UInt64) {
        self.now = now
        leave(lost: !client.hasQuit)
    }

    /// The client's TLS handshake ended well.
    public mutating func clientSecured(_ tls: TLSFacts, now: UInt64) {
        self.now = now
        machine.tlsEstablished(tls)
        facts.forgetPlaintext()
        facts.auth.user = nil
        facts.tls = tls
        identity.helo = ""
        identity.tls = tls
        identity.user = nil
        effects.append(.report(.tlsEstablished(tls)))
        if context.tls == .implicit {
            greet()
        } else {
            startReading()
        }
        process()
    }

    /// The client's TLS handshake failed, or bytes in clear stood before it.
    public mutating func clientSecurityFailed(_ reason: String, now: UInt64) {
        self.now = now
        effects.append(.report(.tlsFailed(reason: reason)))
        leave(lost: false)
    }

    /// The listener stops: an idle session is told so, one with a message in flight may finish it.
    public mutating func drain(now: UInt64) {
        self.now = now
        client.drains = true
        if question == nil, case .paused(.greeting) = reading { close(with: Replies.shuttingDown(context.hostname)) }
        process()
    }
}

// MARK: Greeting

extension Conversation {
    /// Asks stage `connect`, then greets or begins TLS.
    mutating func admit() {
        guard let decision = decide(.connect, for: .connection) else { return }
        connectionJudged(decision)
    }

    mutating func connectionJudged(_ decision: Decision) {
        guard let refusal = decision.verdict.refusal else {
            if context.tls == .implicit {
                reading = .paused(.handshake)
                effects.append(.secureClient)
            } else {
                greet()
            }
            return
        }
        reportRefusal("CONNECT", decision, refusal)
        refuseConnection(decision.verdict, refusal)
    }

    /// A refused connection gets its greeting (RFC 5321 3.1) or is closed; inside implicit TLS nothing can be said in clear.
    private mutating func refuseConnection(_ verdict: Verdict, _ refusal: ReplyText) {
        if context.tls == .implicit {
            leave(lost: false)
        } else if case .reject = verdict {
            refusedAt = now
            answer(signed(refusal), to: .unknown)
            startReading()
        } else {
            close(with: signed(refusal))
        }
    }

    private mutating func greet() {
        switch intercepted {
        case nil:
            answer(context.greeting, to: .unknown)
            startReading()
        case .relay: awaitGreeting()
        case .explain: explain()
        }
    }

    /// Commands are read from here on.
    mutating func startReading() {
        reading = .commands
        client.since = now
        client.lineBegan = fromClient.isEmpty ? nil : now
    }
}

// MARK: Leaving

extension Conversation {
    /// Says `reply` after all earlier replies and closes.
    mutating func close(with reply: Reply) {
        answer(reply, to: .unknown)
        closeAfterReplies()
    }

    /// Closes once the replies that wait have been written.
    mutating func closeAfterReplies() {
        reading = .paused(.closing)
    }

    /// The client's side is over; the backend's ends in order where it can.
    mutating func leave(lost: Bool) {
        if case .paused(.closed) = reading { return }
        client.isGone = true
        if lost { effects.append(.report(.lostConnection(after: client.lastCommand))) }
        // A message whose end was sent is settled by the backend's reply, whether or not the client waits for it.
        if backend.awaitsEndOfData, case .paused(.backend) = reading { return toClient.discard() }
        endSession()
    }

    /// Reports the session and lets both connections go.
    mutating func endSession() {
        if case .paused(.closed) = reading { return }
        abandonQuestion()
        reading = .paused(.closed)
        queue.removeAll()
        effects.append(.report(.disconnected(summary)))
        effects.append(.closeClient)
        quitBackend()
        catchUp()
    }

    /// The backend is told QUIT where it would understand it, and closes first, which spares us its TIME-WAIT.
    private mutating func quitBackend() {
        if backend.isDisconnected {
            effects.append(.finished)
        } else if backend.isOpen, backend.awaits == nil, login == nil, !machine.isReceivingContent {
            server.isQuitting = true
            server.since = now
            backend.send(housekeeping: .quit, to: &toBackend)
        } else {
            dropBackend()
            effects.append(.finished)
        }
    }
}
