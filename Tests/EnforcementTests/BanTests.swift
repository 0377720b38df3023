import Bytes
import Enforcement
import Policy
import SMTPWire
import Testing
import Throttle

/// Bans in conversations: who is kept away, who is spared, and what they are told.
struct BanTests {
    private let drop = Rule(
        "no", at: .mail, .drop(ReplyTemplate(421, "4.7.0 bye")), ban: Ban(duration: 60 * seconds))

    private func outcomes(_ rehearsed: Rehearsed) -> [BanReport.Outcome] {
        rehearsed.reports.compactMap { if case .banned(let ban) = $0 { ban.outcome } else { nil } }
    }

    private func standing(_ rehearsed: Rehearsed) -> PeerBooks.Standing {
        let client = rehearsed.stage.client.address
        return rehearsed.peers.standing(of: client, in: AddressPrefix(client, bits: 32), now: rehearsed.now)
    }

    @Test func `A rule's ban keeps the client's net away until its time is over`() {
        let rehearsed = Rehearsed(.with(drop))
        rehearsed.play(Opening.ehlo + "C: MAIL FROM:<a@sender.test>\nS: 421 4.7.0 bye sid=SID\n! closed")
        #expect(outcomes(rehearsed) == [.began])
        guard case .banned(let ban) = standing(rehearsed) else {
            Issue.record("the net is not banned")
            return
        }
        #expect(ban.reason == "extra/no" && ban.until == rehearsed.now + 60 * seconds)
        rehearsed.now += 60 * seconds
        #expect(standing(rehearsed) == .free)
    }

    @Test func `A monitored rule bans nobody and tells nobody`() {
        var rule = drop
        rule.mode = .monitor
        rule.notifies = true
        let rehearsed = Rehearsed(.with(rule))
        rehearsed.play(Opening.ehlo + Opening.mail)
        #expect(outcomes(rehearsed).isEmpty && rehearsed.notices.isEmpty && standing(rehearsed) == .free)
    }

    @Test func `The immune are not banned, and the log says why`() {
        let rehearsed = Rehearsed(.with(drop))
        let net = AddressPrefix(rehearsed.stage.client.address, bits: 24)
        rehearsed.peers.bans.setImmunities([Immunity(net, "bans.never")])
        rehearsed.play(Opening.ehlo + "C: MAIL FROM:<a@sender.test>\nS: 421 4.7.0 bye sid=SID\n! closed")
        #expect(outcomes(rehearsed) == [.immune(reason: "bans.never")] && standing(rehearsed) == .free)
    }

    @Test func `A session that is open when its net is banned may finish its message and begins no other`() {
        let rehearsed = Rehearsed()
        rehearsed.play(Opening.ehlo + Opening.mail)
        let net = AddressPrefix(rehearsed.stage.client.address, bits: 32)
        _ = rehearsed.peers.bans.ban(
            BanEntry(.net(net), since: rehearsed.now, until: rehearsed.now + 60 * seconds, reason: "test"))
        rehearsed.play(
            "C: RCPT TO:<bob@example.com>\n" + Opening.backend("PIPELINING") + """
                B: MAIL FROM:<a@sender.test>
                B: RCPT TO:<bob@example.com>
                R: 250 2.1.0 sender
                R: 250 2.1.5 bob
                S: 250 2.1.5 bob
                C: RSET
                S: 250 2.0.0 Ok
                C: MAIL FROM:<a@sender.test>
                S: 421 4.7.0 mx.example.org Error: no service for your address for now
                B: QUIT
                ! closed
                """)
    }

    @Test func `A net with a good login is spared, but for new logins and for an operator's ban`() {
        let rehearsed = Rehearsed()
        let (client, now) = (rehearsed.stage.client.address, rehearsed.now)
        let net = AddressPrefix(client, bits: 32)
        rehearsed.peers.logins.succeeded(octets("alice@example.org"), from: net, now: now)
        var ban = BanEntry(.net(net), since: now, until: now + 60 * seconds, reason: "test")
        _ = rehearsed.peers.bans.ban(ban)
        #expect(standing(rehearsed) == .withoutLogin(ban))
        rehearsed.play(Opening.ehlo + Opening.mail)
        ban.isManual = true
        ban.until += seconds
        _ = rehearsed.peers.bans.ban(ban)
        #expect(standing(rehearsed) == .banned(ban))
    }

    @Test func `A held account logs in nowhere, right or wrong, and the backend hears nothing of it`() {
        let rehearsed = Rehearsed(.submission())
        let alice = octets("alice@example.org")
        _ = rehearsed.peers.bans.ban(
            BanEntry(.user(alice), since: rehearsed.now, until: rehearsed.now + 60 * seconds, reason: "test"))
        for password in ["secret", "wrong"] {
            rehearsed.play(
                (password == "secret" ? Opening.tls : "") + """
                    C: AUTH PLAIN \(base64("\0Alice\0" + password))
                    S: 454 4.7.0 Error: this account is on hold, ask its administrator
                    """)
        }
        #expect(rehearsed.connects.isEmpty)
    }

    @Test func `An account that is held in the middle of its session is put off from the next command on`() {
        var rule = Rule(
            "flood", at: .rcpt, when: .field(.authOK), .defer(ReplyTemplate(450, "4.7.1 slow down")),
            ban: Ban(duration: 60 * seconds, target: .user))
        rule.notifies = true
        let rehearsed = Rehearsed(
            .submission {
                $0.policies.insert(PolicyDefinition(name: "x", rules: [rule], otherwise: .accept), at: 0)
            })
        rehearsed.play(
            Opening.tls + "C: AUTH PLAIN AGNhcm9sAHNlY3JldA==\n" + Opening.backend("PIPELINING", "AUTH PLAIN LOGIN")
                + """
                B: AUTH PLAIN AGNhcm9sAHNlY3JldA==
                R: 235 2.7.0 in
                S: 235 2.7.0 in
                C: MAIL FROM:<carol@example.org>
                S: 250 2.1.0 Ok
                C: RCPT TO:<bob@example.com>
                S: 450 4.7.1 slow down sid=SID
                C: RCPT TO:<bea@example.com>
                S: 450 4.7.1 Error: this account is on hold, ask its administrator
                C: RSET
                S: 250 2.0.0 Ok
                C: MAIL FROM:<carol@example.org>
                S: 450 4.7.1 Error: this account is on hold, ask its administrator
                ! wait 60
                C: MAIL FROM:<carol@example.org>
                S: 250 2.1.0 Ok
                """)
        #expect(outcomes(rehearsed) == [.began])
        #expect(rehearsed.notices.map(\.user) == [octets("carol@example.org")])
    }

    @Test func `A rule that bans and notifies tells the operator once`() {
        var rule = Rule(
            "odd", at: .mail, .defer(ReplyTemplate(450, "4.7.1 odd")), ban: Ban(duration: 60 * seconds))
        rule.notifies = true
        let rehearsed = Rehearsed(.with(rule))
        let again = "C: MAIL FROM:<a@sender.test>\nS: 450 4.7.1 odd sid=SID\n"
        rehearsed.play(Opening.ehlo + again)
        #expect(rehearsed.notices.count == 1 && rehearsed.notices.first?.banned == 60 * seconds)
        #expect(rehearsed.notices.first?.rule == RuleID(policy: "extra", rule: "odd"))
    }
}
