import Bytes
import Policy
import SMTPSession
import SMTPWire

// The backend's connection: opened when a recipient or a login needs it, never trusted, and never confused with another.

extension Conversation {
    var clientIdentity: ClientIdentity {
        ClientIdentity(
            source: facts.client.endpoint, destination: facts.client.local, name: facts.client.name,
            helo: machine.greeting?.name.bytes ?? [], isExtended: machine.greeting?.isExtended ?? true)
    }

    /// `address:port` of the server in use, for logs.
    var serverName: String {
        guard let index = server.index, table.servers.indices.contains(index) else { return "none" }
        return table.servers[index].name
    }

    /// Who a new connection is opened for.
    ///
    /// A HELO that the server has still to judge is none yet.
    private var introducedIdentity: ClientIdentity {
        guard intercepted != nil, isAwaitingHello else { return clientIdentity }
        var identity = clientIdentity
        identity.helo = []
        return identity
    }

    /// Makes sure that there is a connection, or one on its way; false when no server may be tried.
    mutating func openBackend() -> Bool {
        guard backend.isDisconnected else { return true }
        server.tried = 0
        server.hasTransaction = false
        server.needsHello = false
        return connectToNextServer()
    }

    private mutating func connectToNextServer() -> Bool {
        guard let index = table.choose(excluding: server.tried, now: now) else { return false }
        connect(to: index)
        return true
    }

    private mutating func connect(to index: Int) {
        server.index = index
        server.tried |= BackendTable.bit(index)
        server.since = now
        backend.connect(as: introducedIdentity)
        effects.append(.connectBackend(server: index))
    }

    /// Takes the connection away: whatever it was in the middle of is not completed.
    ///
    /// A login that held on it is gone with it, since no password is kept to repeat it.
    mutating func dropBackend() {
        guard !backend.isDisconnected else { return }
        if machine.greeting?.login != nil { server.lostLogin = true }
        backend.disconnected()
        server.index = nil
        server.hasTransaction = false
        cutBackend()
    }

    /// Nothing of one connection may be taken for something of the next.
    private mutating func cutBackend() {
        replyParser = ReplyParser()
        fromBackend.consume(fromBackend.count)
        toBackend.discard()
        takeBackLent()
        held = []
        effects.append(.abortBackend)
    }
}

// MARK: What happens on the backend's connection

extension Conversation {
    /// TCP is connected.
    public mutating func backendConnected(now: UInt64) {
        self.now = now
        if holds(.connected) { return }
        server.since = now
        switch backend.connected(&toBackend) {
        case .awaitGreeting: break
        case .secure: effects.append(.secureBackend)
        }
    }

    /// The connection could not be made; `reason` is for the log.
    public mutating func backendConnectFailed(_ reason: String, now: UInt64) {
        self.now = now
        if holds(.connectFailed(reason)) { return }
        backendFailed(.connectFailed(reason))
        process()
    }

    /// No session slot of the server came free in time.
    public mutating func backendIsBusy(now: UInt64) {
        self.now = now
        if holds(.busy) { return }
        backendFailed(.busy)
        process()
    }

    /// The handshake with the backend ended well.
    public mutating func backendSecured(now: UInt64) {
        self.now = now
        if holds(.secured) { return }
        server.since = now
        backend.secured(&toBackend)
    }

    /// It failed, or the certificate is not the one that was asked for.
    public mutating func backendSecurityFailed(_ reason: String, now: UInt64) {
        self.now = now
        if holds(.securityFailed(reason)) { return }
        backendFailed(.tlsFailed(reason))
        process()
    }

    /// `count` octets were added to `fromBackend`.
    public mutating func backendSent(_ count: Int, now: UInt64) {
        self.now = now
        if isPassedOn { return serverSent() }
        while !backend.isDisconnected, !isPassedOn {
            if holds(.sent) { return }
            switch replyParser.next(&fromBackend) {
            case .incomplete:
                if backend.isAhead { backendFailed(.unsolicitedReply) }
                return process()
            case .malformed: backendFailed(.malformedReply)
            case .reply(let reply): backendReplied(reply)
            }
        }
        if backend.isDisconnected { fromBackend.consume(fromBackend.count) }
        process()
    }

    /// `count` octets of `toBackend` were written.
    public mutating func backendTook(_ count: Int, now: UInt64) {
        self.now = now
        server.since = now
        if isPassedOn { return splicedOn() }
        // Only content waits for what was written.
        if client.heldSince != nil { return process() }
        noteBackendOutput()
    }

    /// The first `count` of the octets that were `lent` were written.
    public mutating func backendTookLent(_ count: Int, now: UInt64) {
        self.now = now
        server.since = now
        let count = min(count, lent)
        fromClient.consume(count)
        lent -= count
        if lent == 0 { takeBackLent() }
        process()
    }

    /// The backend closed, or its connection broke.
    public mutating func backendEnded(now: UInt64) {
        self.now = now
        if holds(.ended) { return }
        if server.isQuitting {
            finishQuitting()
        } else if case .spliced = reading {
            serverEnded()
        } else if !backend.isDisconnected {
            backendFailed(.lost)
            process()
        }
    }

    /// The backend's connection broke: nothing can be said to it any more.
    public mutating func backendBroke(now: UInt64) {
        guard case .spliced = reading else { return backendEnded(now: now) }
        self.now = now
        leave(lost: false)
    }

    /// The backend closed after QUIT, or had the time to.
    mutating func finishQuitting() {
        server.isQuitting = false
        dropBackend()
        effects.append(.finished)
    }

    private mutating func backendReplied(_ reply: Reply) {
        if server.isQuitting { return }
        switch backend.received(reply, isLast: fromBackend.isEmpty, &toBackend) {
        case .progressed:
            server.since = now
        case .secure:
            guard fromBackend.isEmpty else { return backendFailed(.bytesBehindSTARTTLS) }
            effects.append(.secureBackend)
        case .opened(let capabilities):
            opened(capabilities)
            if intercepted != nil, case .paused(.backend(.hello(let name, let isExtended))) = reading {
                helloPassed(name, isExtended: isExtended, reply)
            }
        case .greeted(let greeting):
            destinationGreeted(greeting)
        case .helloRefused(let refusal):
            helloRefused(refusal)
        case .reply(let awaited, let reply):
            server.since = now
            answered(awaited, reply)
        case .fault(.greetingRefused(let refusal)) where isAwaitingGreeting && refusal.code >= 400:
            destinationRefused(refusal)
        case .fault(let fault):
            backendFailed(fault)
        }
    }

    /// The connection is open: what waited may go, if the live backend has what it uses.
    private mutating func opened(_ capabilities: Capabilities) {
        server.since = now
        if let index = server.index {
            // What a client that said HELO makes the backend say tells nothing about what it offers.
            let isExtended = machine.greeting?.isExtended == true
            table.succeeded(index, capabilities: isExtended ? capabilities : nil)
        }
        if let attempt = login, !capabilities.auth.contains(attempt.exchange.mechanism) {
            backend.dropWaiting()
            return attempt.wasPromised
                ? loginEnded(.temporary, Replies.authenticationUnavailable)
                : loginEnded(.malformed, Replies.mechanismNotAvailable)
        }
        if let transaction = machine.transaction, transaction.relayed == .mailSent,
            let refusal = Offer.refusal(of: transaction.mail, by: capabilities)
        {
            backend.dropWaiting()
            server.hasTransaction = false
            machine.transaction?.relayed = .mailRefused(refusal)
            forgetSentRecipients()
            refund(.mail)
            return queue.answerAll(with: refusal)
        }
        for (ticket, refusal) in backend.refuseWaitingRecipients(beyond: capabilities) {
            if let index = recipientsSent.firstIndex(where: { $0.ticket == ticket }) {
                refund(recipientsSent.remove(at: index).payments)
            }
            queue.answer(ticket, with: refusal)
        }
        backend.flushWaiting(to: &toBackend)
    }

    private mutating func answered(_ awaited: AwaitedReply, _ reply: Reply) {
        switch awaited {
        case .hello, .quit:
            break
        case .rset:
            if !reply.isPositive { backendFailed(.unexpectedReply(reply)) }
        case .mail: mailAnswered(reply)
        case .rcpt(let ticket): recipientAnswered(ticket, reply)
        case .auth, .authCancel: loginAnswered(reply)
        case .starttls: startTLSAnswered(reply)
        case .data, .chunk, .endOfData:
            contentAnswered(awaited, reply)
        }
    }

    /// A reply that a paused client waits for.
    private mutating func contentAnswered(_ awaited: AwaitedReply, _ reply: Reply) {
        guard case .paused(.backend(let wait)) = reading else {
            // The backend judged a chunk before it was complete: an early refusal is passed on at the chunk's end.
            return chunkAnsweredEarly(reply)
        }
        switch (wait, awaited) {
        case (.goAhead, .data): dataAnswered(reply)
        case (.chunkGoAhead(let reception), .data): chunkGoAheadAnswered(reply, reception)
        case (.endOfData(let verb), .endOfData): endOfDataAnswered(reply, to: verb)
        case (.chunk(let size, let last), .chunk(let wasLastThere)):
            chunkAnswered(reply, size: size, last: last, wasLastThere: wasLastThere)
        case (.goAhead, _), (.chunkGoAhead, _), (.endOfData, _), (.chunk, _), (.login, _), (.introduction, _),
            (.hello, _),
            (.startTLS, _):
            backendFailed(.unexpectedReply(reply))
        }
    }

    private mutating func chunkAnsweredEarly(_ reply: Reply) {
        guard case .chunk(var reception) = reading, case .relay = reception.sink, reply.code >= 400 else {
            return backendFailed(.unexpectedReply(reply))
        }
        reception.sink = .discard(reply)
        reading = .chunk(reception)
        dropBackend()
        endOfTransaction()
    }

    /// Time that the backend kept us from reading does not count against the client.
    mutating func resumeContent() {
        guard let held = client.heldSince, !isBackendBehind else { return }
        client.contentBegan &+= now &- held
        client.since = now
        client.heldSince = nil
    }
}

// MARK: Faults

extension Conversation {
    /// The backend is of no more use: every command that depended on it gets the documented 4xx, never a 5xx.
    mutating func backendFailed(_ fault: BackendFault) {
        guard !backend.isDisconnected else { return }
        if server.isQuitting { return finishQuitting() }
        let wasOpen = backend.isOpen
        effects.append(.report(.backendFault(server: serverName, reason: fault.reason)))
        if !wasOpen, let index = server.index, fault != .busy { table.failed(index, now: now) }
        if !wasOpen, fault != .busy, retryElsewhere() { return }
        let reply = fault == .busy ? Replies.tooManyBackendSessions : Replies.backendUnavailable
        dropBackend()
        failTransaction(reply, wasOpen: wasOpen)
        queue.answerAll(with: reply)
        failReading(reply)
    }

    /// Nothing was said in the client's name yet: another server may serve it.
    private mutating func retryElsewhere() -> Bool {
        guard let index = table.choose(excluding: server.tried, now: now) else { return false }
        cutBackend()
        connect(to: index)
        return true
    }

    private mutating func failTransaction(_ reply: Reply, wasOpen: Bool) {
        if let transaction = machine.transaction {
            switch transaction.relayed {
            case .notYet, .mailRefused, .lost: break
            case .mailSent, .mailAccepted:
                transaction.relayed = wasOpen ? .lost(reply) : .notYet
                transaction.fault = reply
            }
        }
        // Chunks that may still come are answered like every later command of the transaction.
        machine.contentRefused()
        chunks = nil
        forgetSentRecipients()
    }

    /// What the client was in the middle of.
    private mutating func failReading(_ reply: Reply) {
        switch reading {
        case .paused(.backend(let wait)):
            failWait(wait, reply)
        case .content(var reception):
            if case .discard = reception.sink { return }
            reception.discard(reply)
            reading = .content(reception)
        case .chunk(var reception):
            if case .discard = reception.sink { return }
            reception.sink = .discard(reply)
            reading = .chunk(reception)
        case .loginResponse:
            // The client is about to answer a challenge: its line comes first, or it would be read as a command.
            login?.isLost = true
        case .paused(.splicing), .spliced:
            leave(lost: false)
        case .paused, .commands, .overlongLine:
            break
        }
    }

    private mutating func failWait(_ wait: BackendWait, _ reply: Reply) {
        switch wait {
        case .goAhead:
            answer(reply, to: .data)
            startReading()
        case .chunkGoAhead(let reception):
            refuseChunk(size: reception.size, last: reception.last, reply)
        case .chunk(_, let last):
            if last { endOfTransaction() }
            failContent(reply, to: .bdat)
        case .endOfData(let verb):
            endOfTransaction()
            failContent(reply, to: verb)
        case .login:
            loginEnded(.temporary, Replies.authenticationUnavailable)
        case .introduction, .hello:
            close(with: Replies.destinationUnreachable(context.hostname))
        case .startTLS:
            answer(Replies.startTLSUnavailable, to: .starttls)
            startReading()
        }
    }

    private mutating func failContent(_ reply: Reply, to verb: Verb) {
        if client.isGone { return endSession() }
        answer(reply, to: verb)
        startReading()
    }
}
