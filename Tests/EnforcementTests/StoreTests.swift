import Bytes
import Enforcement
import Policy
import Testing
import Throttle

/// Limits that several machines share: a command waits for the store, and nothing else happens meanwhile.
@Suite struct StoreTests: SharingLimits {
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
}
