import Bytes
import Policy
import SMTPSession
import SMTPWire

// AUTH: the exchange runs between client and backend; the policy is asked before the secret moves and after the answer.

extension Conversation {
    mutating func beginLogin(_ auth: AuthCommand, _ decision: Decision) {
        guard let mechanism = auth.mechanism, isAvailable(mechanism) else {
            facts.auth.mechanism = nil
            refund(.command)
            return answer(Replies.mechanismNotAvailable, to: .auth)
        }
        machine.beginAuthentication()
        let (exchange, step) = LoginExchange.begin(mechanism, auth.initialResponse)
        var attempt = LoginAttempt(exchange: exchange, decision: decision)
        attempt.wasPromised = table.offer.capabilities?.auth.contains(mechanism) ?? false
        login = attempt
        carryOut(step)
    }

    /// Before a probe has told what the backend offers, the backend itself is asked.
    private func isAvailable(_ mechanism: AuthMechanism) -> Bool {
        guard let capabilities = backend.capabilities ?? table.offer.capabilities else { return true }
        return capabilities.auth.contains(mechanism)
    }

    /// A line of the client's inside the exchange.
    mutating func loginResponded(_ line: [UInt8]) {
        guard var attempt = login else { return }
        if attempt.isLost { return loginEnded(.temporary, Replies.authenticationUnavailable) }
        let step = attempt.exchange.clientResponded(line)
        login = attempt
        carryOut(step)
    }

    /// The backend's reply to AUTH, to a response or to `*`.
    mutating func loginAnswered(_ reply: Reply) {
        guard var attempt = login else { return backendFailed(.unsolicitedReply) }
        let step = attempt.exchange.backendReplied(reply)
        login = attempt
        carryOut(step)
    }

    private mutating func carryOut(_ step: LoginExchange.Step) {
        switch step {
        case .challenge(let challenge):
            answer(challenge, to: .auth)
            reading = .loginResponse
            client.since = now
            client.lineBegan = fromClient.isEmpty ? nil : now
        case .askLogin(let name):
            askLogin(name)
        case .send(let message):
            send(message)
        case .cancel:
            backend.send(housekeeping: .authCancel, to: &toBackend)
            waitForLogin()
        case .finished(let outcome, let reply):
            loginEnded(outcome, reply)
        case .fault(let fault):
            backendFailed(fault)
        }
    }

    /// The name is known, nothing secret has been forwarded: the policy decides whether it may be tried.
    private mutating func askLogin(_ name: LearntName) {
        guard var attempt = login else { return }
        let canonical = CanonicalName.login(name.authcid, realm: context.backend.realm)
        facts.auth.login = canonical
        attempt.name = canonical
        recognize(canonical)
        login = attempt
        if let decision = decide(.login, for: .login) { loginJudged(decision) }
    }

    /// The policy has spoken about the name.
    mutating func loginJudged(_ decision: Decision) {
        guard var attempt = login else { return }
        let step: LoginExchange.Step
        if let name = attempt.name, isHeld(name) {
            reportRefusal("AUTH", check: "ban", Replies.accountHeldAtLogin)
            step = attempt.exchange.loginRefused(Replies.accountHeldAtLogin)
        } else if let refusal = decision.verdict.refusal {
            reportRefusal("AUTH", decision, refusal)
            if case .drop = decision.verdict { attempt.closes = true }
            step = attempt.exchange.loginRefused(signed(refusal))
        } else {
            attempt.decision = decision
            step = attempt.exchange.loginAccepted()
        }
        login = attempt
        carryOut(step)
    }

    private mutating func send(_ message: LoginExchange.Message) {
        guard let permit = login?.decision.permit(), openBackend() else {
            return loginEnded(.temporary, Replies.authenticationUnavailable)
        }
        if server.needsHello, backend.isOpen {
            backend.send(housekeeping: .hello(clientIdentity), to: &toBackend)
            server.needsHello = false
            server.hasTransaction = false
        }
        backend.send(message.command, permit: permit, to: &toBackend)
        waitForLogin()
    }

    private mutating func waitForLogin() {
        reading = .paused(.backend(.login))
        server.since = now
    }

    /// The client stopped making sense inside the exchange.
    mutating func abandonLogin() {
        guard login != nil else { return }
        login = nil
        refund(.command)
        machine.authenticationEnded(user: nil, mechanism: "")
        dropBackend()
    }

    // MARK: The end of an exchange

    /// Stage `auth_reply` sees every result; only its acceptance of a 235 makes a login.
    mutating func loginEnded(_ outcome: LoginExchange.LoginOutcome, _ reply: Reply) {
        let attempt = login
        login = nil
        facts.auth.result = AuthResult(outcome)
        facts.backendCode = reply.code
        if outcome == .badCredentials { facts.auth.failures += 1 }
        if outcome == .badCredentials, let attempt, attempt.exchange.wasJudged, let name = attempt.name {
            loginFailed(name, secret: attempt.exchange.secret)
        }
        guard let decision = decide(.authReply, for: .loginResult(attempt, outcome, reply)) else { return }
        loginResultJudged(attempt, outcome, reply, decision)
    }

    mutating func loginResultJudged(
        _ attempt: LoginAttempt?, _ outcome: LoginExchange.LoginOutcome, _ reply: Reply, _ decision: Decision
    ) {
        var attempt = attempt
        if let refusal = decision.verdict.refusal {
            reportRefusal("AUTH", decision, refusal)
            if outcome == .ok { dropBackend() }
            if case .drop = decision.verdict { attempt?.closes = true }
            fail(attempt, outcome, signed(refusal))
        } else if outcome == .ok, let name = attempt?.name {
            succeed(name, attempt, reply)
        } else if outcome == .ok {
            // A login whose name was not learnt is refused: no rule could hold it to anything.
            dropBackend()
            fail(attempt, .badCredentials, Replies.authenticationFailed)
        } else {
            fail(attempt, outcome, reply)
        }
    }

    private mutating func succeed(_ name: [UInt8], _ attempt: LoginAttempt?, _ reply: Reply) {
        let mechanism = attempt.map { "\($0.exchange.mechanism.name)" } ?? ""
        guard let proof = machine.authenticationEnded(user: name, mechanism: mechanism) else {
            return fail(attempt, .temporary, Replies.authenticationUnavailable)
        }
        facts.auth.user = proof.user
        identity.user = proof.user
        loginSucceeded(proof.user)
        effects.append(
            .report(
                .authenticationSucceeded(
                    AuthenticationReport(mechanism: mechanism, login: name, result: .ok, reply: reply.replyText))))
        answer(reply, to: .auth)
        startReading()
    }

    private mutating func fail(
        _ attempt: LoginAttempt?, _ outcome: LoginExchange.LoginOutcome, _ reply: Reply
    ) {
        machine.authenticationEnded(user: nil, mechanism: "")
        refund(.command)
        let mechanism = attempt.map { "\($0.exchange.mechanism.name)" } ?? facts.auth.mechanism ?? ""
        effects.append(
            .report(
                .authenticationFailed(
                    AuthenticationReport(
                        mechanism: mechanism, login: attempt?.name, result: AuthResult(outcome),
                        reply: reply.replyText))))
        facts.auth.mechanism = nil
        facts.auth.login = nil
        facts.auth.isKnownNet = false
        facts.auth.isRepeated = false
        let closes = attempt?.closes ?? false
        if outcome == .badCredentials, context.limits.authFailDelay > 0 {
            reading = .paused(.loginDelay(reply, closes: closes))
            client.since = now
        } else {
            answerLogin(reply, closes: closes)
        }
    }

    mutating func answerLogin(_ reply: Reply, closes: Bool) {
        answer(reply, to: .auth)
        if closes { closeAfterReplies() } else { startReading() }
    }
}

extension AuthResult {
    init(_ outcome: LoginExchange.LoginOutcome) {
        switch outcome {
        case .ok: self = .ok
        case .badCredentials: self = .badCredentials
        case .temporary: self = .temporary
        case .cancelled: self = .cancelled
        case .malformed: self = .malformed
        }
    }
}
