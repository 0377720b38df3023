import Bytes
import Policy
import SMTPSession
import SMTPWire

// Intercepted sessions: the server is the one that the client meant. It is connected at once, and its greeting, its
// replies to HELO and to STARTTLS are the client's; everything else goes the way of every session's commands.

extension Conversation {
    // MARK: Explaining

    /// 554 instead of a greeting; the client may say QUIT and has little time for it.
    mutating func explain() {
        let reply = context.explanation.reply(sid: identity.sid)
        reportRefusal("CONNECT", check: "explain", reply)
        refuse(with: reply)
    }

    /// The greeting is a refusal: nothing but QUIT is in order any more.
    private mutating func refuse(with reply: Reply) {
        refusedAt = now
        answer(reply, to: .unknown)
        startReading()
    }

    // MARK: The greeting

    var isAwaitingGreeting: Bool {
        if case .paused(.backend(.introduction)) = reading { true } else { false }
    }

    var isAwaitingHello: Bool {
        if case .paused(.backend(.hello)) = reading { true } else { false }
    }

    /// Connects to the server that the client meant, whose greeting comes first.
    mutating func awaitGreeting() {
        reading = .paused(.backend(.introduction))
        if !openBackend() { close(with: Replies.destinationUnreachable(context.hostname)) }
    }

    mutating func destinationGreeted(_ greeting: Reply) {
        server.since = now
        switch reading {
        case .paused(.backend(.introduction)):
            answer(greeting, to: .unknown)
            startReading()
        case .paused(.backend(.hello(let name, let isExtended))):
            sayHello(name, isExtended: isExtended)
        case .paused, .commands, .loginResponse, .overlongLine, .content, .chunk, .spliced:
            backendFailed(.unsolicitedReply)
        }
    }

    /// It will not talk to this client: its refusal is the greeting.
    mutating func destinationRefused(_ reply: Reply) {
        effects.append(
            .report(.backendRefused(refusalReport("CONNECT", .connect, reply.replyText, .builtIn("backend")))))
        dropBackend()
        if reply.isPermanentNegative { refuse(with: reply) } else { close(with: reply) }
    }

    // MARK: HELO and EHLO

    /// The server judges the client's name; what it offers in reply is known only from there.
    mutating func passHello(_ name: HeloName, isExtended: Bool) {
        resetTransaction()
        reading = .paused(.backend(.hello(name, isExtended: isExtended)))
        guard backend.isDisconnected else { return sayHello(name, isExtended: isExtended) }
        // The connection was given up with a message; the client goes on as if it were the same.
        if !openBackend() { close(with: Replies.destinationUnreachable(context.hostname)) }
    }

    private mutating func sayHello(_ name: HeloName, isExtended: Bool) {
        var identity = clientIdentity
        identity.helo = name.bytes
        identity.isExtended = isExtended
        server.since = now
        backend.send(housekeeping: .hello(identity), to: &toBackend)
    }

    /// Its 250, minus what we could not follow.
    mutating func helloPassed(_ name: HeloName, isExtended: Bool, _ reply: Reply) {
        greeted(name, isExtended: isExtended)
        server.hasTransaction = false
        server.needsHello = false
        guard isExtended else {
            answer(reply, to: .helo)
            return startReading()
        }
        let passed = PassedOffer(reply, rules: context.rules, mayAuthenticate: mayAuthenticate)
        if !passed.hidden.isEmpty {
            effects.append(.report(.offersHidden(server: serverName, keywords: passed.hidden)))
        }
        answer(passed.reply, to: .ehlo)
        startReading()
    }

    mutating func helloRefused(_ reply: Reply) {
        guard case .paused(.backend(.hello(_, let isExtended))) = reading else {
            return backendFailed(.helloRefused(reply))
        }
        facts.helo = machine.greeting.map(HeloFacts.init) ?? HeloFacts()
        let isOver = reply.code == 421
        // A new connection that has not heard the name that still holds: the next one is told it at once.
        if isOver || !backend.isOpen && machine.greeting != nil { dropBackend() }
        if isOver { return close(with: reply) }
        answer(reply, to: isExtended ? .ehlo : .helo)
        startReading()
    }

    // MARK: STARTTLS

    /// Never answered by us and never held back: TLS is between the client and the server that it meant.
    mutating func passStartTLS(_ decision: Decision) {
        guard fromClient.isEmpty else { return refuseBytesBehindStartTLS() }
        guard machine.greeting != nil else { return answer(Replies.sendEHLOFirst, to: .starttls) }
        // The server is in the middle of content: it would not see a command.
        if machine.transaction?.content != nil { resetTransaction() }
        guard openBackend(), let permit = decision.permit() else {
            return answer(Replies.startTLSUnavailable, to: .starttls)
        }
        backend.send(.starttls, permit: permit, to: &toBackend)
        reading = .paused(.backend(.startTLS))
        server.since = now
    }

    mutating func startTLSAnswered(_ reply: Reply) {
        guard case .paused(.backend(.startTLS)) = reading else { return backendFailed(.unexpectedReply(reply)) }
        guard reply.code == 220 else {
            guard reply.code >= 400 else { return backendFailed(.unexpectedReply(reply)) }
            answer(reply, to: .starttls)
            return startReading()
        }
        // What stands behind it in clear would be taken for the server's word inside TLS.
        guard fromBackend.isEmpty else { return backendFailed(.bytesBehindSTARTTLS) }
        isPassedOn = true
        resetTransaction()
        effects.append(.report(.tlsPassedOn(server: serverName)))
        answer(reply, to: .starttls)
        reading = .paused(.splicing)
    }
}
