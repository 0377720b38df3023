import Bytes
import Policy
import SMTPSession
import SMTPWire
import Throttle

// Who is kept away: bans that rules ask for, and what the banned are told.

extension Conversation {
    private var peers: PeerBooks { context.peers }

    // MARK: Asking for bans

    /// A monitored rule never comes here: its effects are none.
    mutating func carryOutBans(_ effects: Decision.Effects) {
        var isNew = false
        if let request = effects.ban {
            let net = facts.client.net
            isNew = ban(.net(net), .client, Array(net.description.utf8), request) || isNew
        }
        if let request = effects.hold, let user = facts.auth.user {
            isNew = ban(.user(user), .user, user, request) || isNew
        }
        guard let rule = effects.notice else { return }
        // A ban that goes on was told when it began.
        if (effects.ban ?? effects.hold) == nil || isNew { tell(rule, effects) }
    }

    /// Whether somebody is kept away now who was not before.
    private mutating func ban(
        _ subject: BanSubject, _ target: BanTarget, _ name: [UInt8], _ request: BanRequest
    ) -> Bool {
        let result = outcome(subject, target, request)
        if result != .unchanged {
            let report = BanReport(
                target: target, subject: name, duration: request.duration, rule: request.rule, outcome: result)
            effects.append(.report(.banned(report)))
        }
        return result == .began
    }

    private func outcome(_ subject: BanSubject, _ target: BanTarget, _ request: BanRequest) -> BanReport.Outcome {
        if target == .client, peers.logins.isSuspended(now: now) { return .suspended }
        let entry = BanEntry(
            subject, since: now, until: now.addingReportingOverflow(request.duration).partialValue,
            reason: request.rule.description, isProxied: facts.client.isProxied)
        return switch peers.bans.ban(entry) {
        case .began: .began
        case .prolonged: .prolonged
        case .unchanged: .unchanged
        case .immune(let reason): .immune(reason: reason)
        }
    }

    private mutating func tell(_ rule: RuleID, _ decided: Decision.Effects) {
        effects.append(
            .notify(
                Notice(
                    rule: rule, listener: identity.listener, client: facts.client.endpoint.address,
                    net: facts.client.net,
                    user: facts.auth.user, sid: identity.sid, banned: decided.ban?.duration,
                    held: decided.hold?.duration)))
    }

    // MARK: Meeting the banned

    /// The reply to a command of somebody who is kept away; `closes` ends the session with it.
    func refusalOfBanned(_ command: Command) -> (reply: Reply, closes: Bool)? {
        if peers.bans.isEmpty { return nil }
        switch command {
        case .auth:
            if case .free = standing { return nil }
            return (Replies.loginsRefused, false)
        case .mail:
            if case .banned = standing { return (Replies.banned(context.hostname), true) }
            return isHeld ? (Replies.accountHeld, false) : nil
        case .rcpt:
            return isHeld ? (Replies.accountHeld, false) : nil
        case .data, .bdat:
            // Chunks after the first go under the decision of the first.
            return machine.transaction?.content == nil && isHeld ? (Replies.contentHeld, false) : nil
        case .helo, .ehlo, .starttls, .rset, .noop, .quit, .vrfy, .expn, .help:
            return nil
        }
    }

    private var standing: PeerBooks.Standing {
        hasClient ? peers.standing(of: facts.client.endpoint.address, in: facts.client.net, now: now) : .free
    }

    private var isHeld: Bool { facts.auth.user.map { isHeld($0) } ?? false }

    /// Whether the account is held.
    func isHeld(_ user: [UInt8]) -> Bool { peers.bans.ban(ofUser: user, now: now) != nil }
}

// MARK: What logins teach

extension Conversation {
    /// The name is known: finds out whether it has logged in from here before.
    mutating func recognize(_ login: [UInt8]) {
        facts.auth.isKnownNet = peers.logins.knows(login, from: facts.client.net, now: now)
    }

    /// The backend has judged a password.
    mutating func loginFailed(_ login: [UInt8], secret: UInt64?) {
        let failure = peers.logins.failed(login, from: facts.client.net, secret: secret, now: now)
        facts.auth.isRepeated = failure.isRepeated
        if failure.beganSuspension { effects.append(.report(.loginCountingSuspended)) }
    }

    mutating func loginSucceeded(_ login: [UInt8]) {
        guard hasClient else { return }
        peers.logins.succeeded(login, from: facts.client.net, now: now)
        peers.accounts.loggedIn(login, from: facts.client.net, now: now)
    }

    /// The backend has judged a recipient; only refusals for good say something about the account.
    func recipientJudged(_ code: UInt16) {
        guard context.book.watchesAccounts, let user = facts.auth.user, code / 100 != 4 else { return }
        peers.accounts.judged(user, isTaken: code / 100 == 2, now: now)
    }

    /// Whether limits count nothing at a stage, because the judge of passwords is ill.
    func suspendsCounting(at stage: Stage) -> Bool {
        (stage == .login || stage == .authReply) && peers.logins.isSuspended(now: now)
    }

    mutating func learnAccount(for stage: Stage) {
        guard context.book.readsAccount(at: stage), let user = facts.auth.user else { return }
        let use = peers.accounts.use(of: user, now: now)
        facts.account = AccountFacts(
            distinctNets: use.distinctNets, recipients: use.recipients, rejectedPercent: use.rejectedPercent,
            volumePercent: use.volumePercent)
    }
}
