import Bytes
import Enforcement
import Policy
import Testing
import Throttle

/// Limits that several machines share: a command waits for the store, and nothing else happens meanwhile.
@Suite struct StoreTests {
    private func limit(
        _ name: String = "shared", burst: UInt64 = 2, counts: LimitDefinition.Counting = .attempted,
        scope: LimitDefinition.Scope = .cluster, loss: LimitDefinition.StoreLoss = .local
    ) -> LimitDefinition {
        LimitDefinition(
            name: name, key: [.clientNet], count: 1, period: 18 * seconds, burst: burst, counts: counts, scope: scope,
            onStoreLoss: loss)
    }

    private func rule(_ stage: Stage, over: [String] = ["shared"], _ action: Action? = nil) -> Rule {
        Rule("few", at: stage, over: over, action ?? .defer(ReplyTemplate(450, "4.7.1 retry in {limit.retry_after}")))
    }

    private func stage(
        _ limits: [LimitDefinition], _ rules: Rule..., submission: Bool = false,
        change: (inout StageSetting) -> Void = { _ in }
    ) -> StageSetting {
        var stage = submission ? StageSetting.submission() : StageSetting()
        stage.policies.insert(
            PolicyDefinition(name: "x", limits: limits, rules: rules, otherwise: .accept), at: 0)
        stage.store = .up
        change(&stage)
        return stage
    }

    // MARK: Every stage

    @Test func `A connection waits for the store before it is greeted`() {
        Rehearsed(stage([limit()], rule(.connect, .drop(ReplyTemplate(421, "4.7.0 too many"))))).play(
            """
            ! asked 1
            C: EHLO early
            ! charged
            S: 220 mx.example.org ESMTP
            """ + "\n" + Opening.offer)
        Rehearsed(stage([limit()], rule(.connect, .drop(ReplyTemplate(421, "4.7.0 too many"))))).play(
            """
            ! exceeded 5
            S: 421 4.7.0 too many sid=SID
            ! closed
            """)
    }

    @Test func `EHLO and MAIL wait, and what the client sends behind them is read afterwards`() {
        Rehearsed(stage([limit(burst: 9)], rule(.helo), rule(.mail))).play(
            """
            S: 220 mx.example.org ESMTP
            C: EHLO laptop
            C: MAIL FROM:<a@sender.test>
            C: NOOP
            ! asked 1
            ! charged
            \(Opening.offer)
            ! asked 1
            ! exceeded 7
            S: 450 4.7.1 retry in 7s sid=SID
            S: 250 2.0.0 Ok
            ! asked 0
            """)
    }

    @Test func `A login waits before its name goes to the backend, and before its result is told`() {
        let deferral = Action.defer(ReplyTemplate(454, "4.7.0 later"))
        let session = Rehearsed(
            stage(
                [limit("a"), limit("b"), limit("c")], rule(.auth, over: ["a"], deferral),
                rule(.login, over: ["b"], deferral), rule(.authReply, over: ["c"], deferral), submission: true))
        session.play(
            Opening.tls + """
                C: AUTH PLAIN AGNhcm9sAHNlY3JldA==
                ! asked 1
                ! charged
                ! asked 1
                ! unconnected
                ! charged

                """ + Opening.backend("PIPELINING", "AUTH PLAIN LOGIN") + """
                    B: AUTH PLAIN AGNhcm9sAHNlY3JldA==
                    R: 235 2.7.0 in
                    ! asked 1
                    ! charged
                    S: 235 2.7.0 in
                    """)
        #expect(session.reports.contains { if case .authenticationSucceeded = $0 { true } else { false } })
    }

    @Test func `A login that the store refuses leaves the session unauthenticated and the backend alone`() {
        let session = Rehearsed(
            stage([limit(burst: 9)], rule(.login, .defer(ReplyTemplate(454, "4.7.0 later"))), submission: true))
        session.play(
            Opening.tls + """
                C: AUTH PLAIN AGNhcm9sAHNlY3JldA==
                ! exceeded 3
                S: 454 4.7.0 later sid=SID
                ! unconnected
                """)
    }

    @Test func `A recipient reaches the backend only after the store has counted it`() {
        Rehearsed(stage([limit(burst: 9)], rule(.rcpt))).play(
            Opening.ehlo + Opening.mail + """
                C: RCPT TO:<bob@example.com>
                C: RCPT TO:<ben@example.com>
                ! unconnected
                ! charged
                ! asked 1
                R: 220 be ESMTP
                ! exceeded 4
                B: EHLO laptop
                R: 250-be
                R: 250 PIPELINING
                B: MAIL FROM:<a@sender.test>
                B: RCPT TO:<bob@example.com>
                R: 250 2.1.0 sender
                R: 250 2.1.5 bob
                S: 250 2.1.5 bob
                S: 450 4.7.1 retry in 4s sid=SID
                """)
    }

    @Test func `The backend's answers to recipients wait behind one about which the store is asked`() {
        let drop = Action.drop(ReplyTemplate(421, "4.7.0 enough of that"))
        Rehearsed(stage([limit(burst: 9)], rule(.rcptReply, drop))).play(
            Opening.ehlo + Opening.mail + """
                C: RCPT TO:<bob@example.com>
                C: RCPT TO:<ben@example.com>
                C: RCPT TO:<bea@example.com>

                """ + Opening.backend("PIPELINING") + """
                    B: MAIL FROM:<a@sender.test>
                    B: RCPT TO:<bob@example.com>
                    B: RCPT TO:<ben@example.com>
                    B: RCPT TO:<bea@example.com>
                    R: 250 2.1.0 sender
                    R: 250 2.1.5 bob
                    R: 250 2.1.5 ben
                    R: 250 2.1.5 bea
                    ! asked 1
                    ! charged
                    S: 250 2.1.5 bob
                    ! asked 1
                    ! lost
                    S: 250 2.1.5 ben
                    ! asked 1
                    ! exceeded 2
                    S: 421 4.7.0 enough of that sid=SID
                    B: QUIT
                    ! closed
                    """)
    }

    @Test func `The end of data reaches the backend only after the store has answered`() {
        let message = rule(.message)
        Rehearsed(stage([limit(burst: 9)], rule(.data), message)).play(
            Opening.recipient() + """
                C: DATA
                ! asked 1
                ! charged
                B: DATA
                R: 354 go
                S: 354 go
                C: hello
                C: .
                C: NOOP
                B: hello
                B: .
                ! asked 0
                """)
        // A bucket pays once for a message: DATA has paid for its end too.
        let session = Rehearsed(stage([limit(burst: 9)], message))
        session.play(
            Opening.data + """
                C: hello
                C: .
                C: NOOP
                B: hello
                ! asked 1
                ! charged
                B: .
                R: 250 queued as Q1
                S: 250 queued as Q1
                S: 250 2.0.0 Ok
                """)
        Rehearsed(stage([limit(burst: 9)], message)).play(
            Opening.data + """
                C: hello
                C: .
                B: hello
                ! exceeded 9
                S: 450 4.7.1 retry in 9s sid=SID
                ! aborted
                """)
    }

    @Test func `The last chunk waits too, whichever way its message goes`() {
        Rehearsed(stage([limit(burst: 9)], rule(.message))).play(
            Opening.recipient() + """
                C: BDAT 5 LAST
                C: abc
                B: BDAT 5
                B: abc
                R: 250 ok
                ! asked 1
                ! charged
                B: BDAT 0 LAST
                R: 250 queued as Q2
                S: 250 queued as Q2
                """)
        Rehearsed(stage([limit(burst: 9)], rule(.message))).play(
            Opening.recipient("8BITMIME") + """
                C: BDAT 5 LAST
                B: DATA
                R: 354 go
                C: abc
                B: abc
                ! asked 1
                ! charged
                B: .
                R: 250 queued as Q3
                S: 250 queued as Q3
                """)
    }

    // MARK: While nothing happens

    @Test func `A backend that is lost meanwhile is lost after the decision, and the recipient gets 451`() {
        Rehearsed(stage([limit(burst: 9)], rule(.rcpt))).play(
            Opening.ehlo + Opening.mail + "C: RCPT TO:<bob@example.com>\n! charged\n" + Opening.backend("PIPELINING")
                + """
                B: MAIL FROM:<a@sender.test>
                B: RCPT TO:<bob@example.com>
                R: 250 2.1.0 sender
                R: 250 2.1.5 bob
                S: 250 2.1.5 bob
                C: RCPT TO:<ben@example.com>
                ! backend-ends
                ! backend-ends
                ! asked 1
                ! charged
                S: 451 4.3.0 Error: mail server temporarily unavailable
                C: DATA
                S: 451 4.3.0 Error: mail server temporarily unavailable
                """)
    }

    @Test func `A client that leaves takes its question along, and a late answer is given back once`() {
        let session = Rehearsed(stage([limit(burst: 1)], rule(.mail)))
        session.play(Opening.ehlo + "C: MAIL FROM:<a@sender.test>\n! client-ends\n! finished")
        session.play("! charged")
        #expect(session.refunded.count == 1)
        #expect(session.refunded.first?.since == 1)
        // The machine's own count is given back at once.
        let name = session.refunded[0].charge.name
        #expect(session.stage.buckets.remaining(name, rate: session.refunded[0].charge.rate, now: session.now) == 1)
    }

    @Test func `An answer that comes twice or to no question changes nothing`() {
        let session = Rehearsed(stage([limit(burst: 9)], rule(.mail)))
        session.play(Opening.ehlo + "C: MAIL FROM:<a@sender.test>\n! asked 1")
        let (question, number) = session.asked[0]
        session.event { $0.storeAnswered(number &+ 1, Rehearsed.answer(["charged"], to: question), now: $1) }
        session.play("! asked 1\n! charged\nS: 250 2.1.0 Ok")
        session.event { $0.storeAnswered(number, Rehearsed.answer(["charged"], to: question), now: $1) }
        session.event { $0.storeAnswered(number, .exceeded(waits: [1]), now: $1) }
        #expect(session.refunded.isEmpty)
        session.play("C: NOOP\nS: 250 2.0.0 Ok")
    }

    @Test func `Without an answer for 20 ms on_store_loss decides, and the late charge is given back`() {
        for (loss, reply) in [
            (LimitDefinition.StoreLoss.local, "250 2.1.0 Ok"), (.open, "250 2.1.0 Ok"),
            (.closed, "451 4.3.2 Limits can't be checked now sid=SID"),
        ] {
            let session = Rehearsed(stage([limit(loss: loss)], rule(.mail)))
            session.play(Opening.ehlo + "C: MAIL FROM:<a@sender.test>")
            session.advance(19_999_999)
            session.play("! asked 1")
            session.advance(1)
            session.play("S: \(reply)\n! charged\nC: NOOP\nS: 250 2.0.0 Ok")
            #expect(session.refunded.count == 1)
        }
    }

    @Test func `A drain meanwhile is told after the decision`() {
        Rehearsed(stage([limit()], rule(.connect, .drop(ReplyTemplate(421, "4.7.0 too many"))))).play(
            """
            ! drain
            ! charged
            S: 220 mx.example.org ESMTP
            S: 421 4.3.2 mx.example.org Service shutting down
            ! closed
            """)
    }

    // MARK: What the machine knows itself

    @Test func `What exceeds the limit on this machine alone is refused without asking`() {
        Rehearsed(stage([limit(burst: 2)], rule(.mail))).play(
            Opening.ehlo + """
                C: MAIL FROM:<a@sender.test>
                ! charged
                S: 250 2.1.0 Ok
                C: RSET
                S: 250 2.0.0 Ok
                C: MAIL FROM:<a@sender.test>
                ! charged
                S: 250 2.1.0 Ok
                C: RSET
                S: 250 2.0.0 Ok
                C: MAIL FROM:<a@sender.test>
                S: 450 4.7.1 retry in 18s sid=SID
                ! asked 0
                ! wait 18
                C: MAIL FROM:<a@sender.test>
                ! asked 1
                ! charged
                S: 250 2.1.0 Ok
                """)
    }

    @Test func `What the store refused is refused without asking until its time is over`() {
        Rehearsed(stage([limit(burst: 9)], rule(.mail))).play(
            Opening.ehlo + """
                C: MAIL FROM:<a@sender.test>
                ! exceeded 5
                S: 450 4.7.1 retry in 5s sid=SID
                C: MAIL FROM:<a@sender.test>
                S: 450 4.7.1 retry in 5s sid=SID
                ! asked 0
                ! wait 4
                C: MAIL FROM:<a@sender.test>
                S: 450 4.7.1 retry in 1s sid=SID
                ! asked 0
                ! wait 1
                C: MAIL FROM:<a@sender.test>
                ! asked 1
                ! charged
                S: 250 2.1.0 Ok
                """)
    }

    @Test func `Where the store is lost, local counts here, open counts nothing, closed names its rule`() {
        func play(_ loss: LimitDefinition.StoreLoss, _ script: String) -> Rehearsed {
            let again = "C: RSET\nS: 250 2.0.0 Ok\nC: MAIL FROM:<a@sender.test>\n! lost\n"
            let session = Rehearsed(stage([limit(burst: 1, loss: loss)], rule(.mail)) { $0.store = .troubled })
            return session.play(Opening.ehlo + script.replacing("AGAIN\n", with: again))
        }
        _ = play(
            .local,
            """
            C: MAIL FROM:<a@sender.test>
            ! lost
            S: 250 2.1.0 Ok
            C: RSET
            S: 250 2.0.0 Ok
            C: MAIL FROM:<a@sender.test>
            S: 450 4.7.1 retry in 18s sid=SID
            ! asked 0
            """)
        _ = play(
            .open,
            "C: MAIL FROM:<a@sender.test>\n! lost\nS: 250 2.1.0 Ok\nAGAIN\nS: 250 2.1.0 Ok\nAGAIN\nS: 250 2.1.0 Ok")
        let closed = play(
            .closed, "C: MAIL FROM:<a@sender.test>\n! lost\nS: 451 4.3.2 Limits can't be checked now sid=SID")
        let refusals = closed.reports.compactMap { if case .refused(let report) = $0 { report } else { nil } }
        #expect(refusals.map { "\($0.rule)" } == ["x/few"])
    }

    // MARK: Several limits

    @Test func `Own and shared limits of one rule are charged all or none`() {
        let own = limit("own", burst: 2, scope: .node)
        let setting = stage([limit(burst: 9), own], rule(.mail, over: ["shared", "own"]))
        let again = "C: RSET\nS: 250 2.0.0 Ok\nC: MAIL FROM:<a@sender.test>\n"
        Rehearsed(setting).play(
            Opening.ehlo + """
                C: MAIL FROM:<a@sender.test>
                ! exceeded 1
                S: 450 4.7.1 retry in 1s sid=SID
                """)
        // Of its own two this machine has given none away.
        let session = Rehearsed(setting)
        session.advance(200 * seconds)
        session.play(
            Opening.ehlo + "C: MAIL FROM:<a@sender.test>\n! charged\nS: 250 2.1.0 Ok\n" + again
                + "! charged\nS: 250 2.1.0 Ok\n" + again + "S: 450 4.7.1 retry in 18s sid=SID\n! asked 0")
    }

    @Test func `Only the accepted count: what the backend refuses is given back to the store`() {
        let session = Rehearsed(stage([limit(burst: 1, counts: .accepted)], rule(.rcpt)))
        session.play(
            Opening.ehlo + Opening.mail + "C: RCPT TO:<bob@example.com>\n! charged\n" + Opening.backend("PIPELINING")
                + """
                B: MAIL FROM:<a@sender.test>
                B: RCPT TO:<bob@example.com>
                R: 250 2.1.0 sender
                R: 550 5.1.1 nobody
                S: 550 5.1.1 nobody
                C: RCPT TO:<ben@example.com>
                ! asked 1
                ! charged
                B: RCPT TO:<ben@example.com>
                R: 250 2.1.5 ben
                S: 250 2.1.5 ben
                """)
        #expect(session.refunded.count == 1)
    }

    @Test func `What a limit would still pass is the store's word`() {
        let peek = Rule(
            "few-left", at: .mail,
            when: Expression(
                .compare(.less, Expression(.remaining(limit: "shared")), Expression(.literal(.int(3))))),
            .defer(ReplyTemplate(450, "4.7.1 nearly")))
        let session = Rehearsed(stage([limit(burst: 9)], peek))
        session.play(Opening.ehlo + "C: MAIL FROM:<a@sender.test>\n! asked 1")
        let number = session.asked.removeFirst().number
        session.event { $0.storeAnswered(number, .owed([7 * 18 * seconds]), now: $1) }
        session.play("S: 450 4.7.1 nearly sid=SID")
        session.play("C: MAIL FROM:<a@sender.test>\n! lost\nS: 250 2.1.0 Ok")
    }
}
