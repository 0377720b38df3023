import Bytes
import Enforcement
import Policy
import Testing
import Throttle

/// Shared limits without the store's answer: what a machine knows itself, what it does alone, what it gives back.
@Suite struct StoreLossTests: SharingLimits {
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
