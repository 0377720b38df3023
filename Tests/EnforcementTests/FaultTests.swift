import Enforcement
import Policy
import Testing

/// OPERATING, section 3: "When" and "Faults", sentence by sentence.
@Suite struct FaultTests {
    private let unavailable = "451 4.3.0 Error: mail server temporarily unavailable"

    @Test func `a failed connection is 451 to the recipient, the session stays, and a later recipient tries again`() {
        Rehearsed().play(
            Opening.ehlo + """
                ! refuse
                C: MAIL FROM:<a@sender.test>
                C: RCPT TO:<bob@example.com>
                C: DATA
                S: 250 2.1.0 Ok
                S: \(unavailable)
                S: \(unavailable)
                ! open
                ! accept
                C: RCPT TO:<bob@example.com>

                """ + Opening.backend("PIPELINING") + """
                    B: MAIL FROM:<a@sender.test>
                    B: RCPT TO:<bob@example.com>
                    R: 250 sender
                    R: 250 bob
                    S: 250 bob
                    """)
    }

    @Test func `a greeting, EHLO or reply that is none is 451 and never 5xx`() {
        let hello = "R: 220 be\nB: EHLO laptop\n"
        for script in [
            "R: 554 go away", "R: 421 later", "R: hello", "R: 220 be\nR: 220 be", hello + "R: 550 no",
            hello + "R: 250 be\nR: 250 again", hello + "R: 250-be\nR: 251 mixed",
        ] {
            let session = Rehearsed()
            let command = "C: RCPT TO:<bob@example.com>\n"
            session.play(
                Opening.ehlo + Opening.mail + command + script + "\nS: \(unavailable)\nC: NOOP\nS: 250 2.0.0 Ok")
            #expect(session.aborts == 1, "\(script)")
        }
    }

    @Test func `another server takes over before the session has one`() {
        let session = Rehearsed(
            .inbound { $0.servers = [endpoint("127.0.0.1", 1), endpoint("127.0.0.1", 2), endpoint("127.0.0.1", 3)] })
        session.play(
            Opening.ehlo + Opening.mail + """
                C: RCPT TO:<bob@example.com>
                R: 421 busy
                R: 250 leftover of the first server
                ! open

                """ + Opening.backend("PIPELINING") + """
                    B: MAIL FROM:<a@sender.test>
                    B: RCPT TO:<bob@example.com>
                    R: 250 sender
                    R: 250 bob
                    S: 250 bob
                    """)
        #expect(session.connects == [0, 1])
    }

    @Test func `a breaker leaves a server alone after five failures in a row, and tries again later`() {
        let session = Rehearsed()
        session.refusesConnections = true
        session.limits { $0.maxErrors = 100 }
        session.play(Opening.ehlo + Opening.mail)
        for _ in 0..<7 { session.play("C: RCPT TO:<bob@example.com>\nS: \(unavailable)") }
        #expect(session.connects.count == 5)
        session.advance(1 * seconds)
        session.play("C: RCPT TO:<bob@example.com>\nS: \(unavailable)")
        #expect(session.connects.count == 6)
    }

    @Test func `a connection lost inside a transaction is 451 to every later command of it`() {
        Rehearsed().play(
            Opening.recipient() + """
                ! backend-ends
                C: RCPT TO:<eve@example.com>
                S: \(unavailable)
                C: DATA
                S: \(unavailable)
                C: BDAT 3
                C: x
                S: \(unavailable)
                C: RSET
                S: 250 2.0.0 Ok
                C: MAIL FROM:<b@sender.test>
                S: 250 2.1.0 Ok
                C: RCPT TO:<bob@example.com>

                """ + Opening.backend("PIPELINING") + """
                    B: MAIL FROM:<b@sender.test>
                    B: RCPT TO:<bob@example.com>
                    """)
    }

    @Test func `lost before 354 DATA gets 451, and inside DATA the client is read to its end`() {
        Rehearsed().play(
            Opening.recipient() + """
                C: DATA
                B: DATA
                ! backend-ends
                S: \(unavailable)
                C: NOOP
                S: 250 2.0.0 Ok
                """)
        Rehearsed().play(
            Opening.data + """
                C: one
                B: one
                ! backend-ends
                C: two
                C: RSET
                ! open
                C: .
                S: \(unavailable)
                C: MAIL FROM:<>
                S: 250 2.1.0 Ok
                """)
    }

    @Test func `lost after the end of data the reply is 451`() {
        Rehearsed().play(
            Opening.data + """
                C: .
                B: .
                ! backend-ends
                S: \(unavailable)
                C: MAIL FROM:<>
                S: 250 2.1.0 Ok
                """)
    }

    @Test func `an answer of the wrong kind is a fault of the backend`() {
        for (before, command, lie, reply) in [
            (Opening.recipient(), "C: DATA\nB: DATA", "250 taken", unavailable),
            (Opening.recipient(), "C: DATA\nB: DATA", "334 what", unavailable),
            (Opening.data, "C: .\nB: .", "354 more", unavailable),
            (Opening.recipient(), "C: RCPT TO:<eve@example.com>\nB: RCPT TO:<eve@example.com>", "354 x", unavailable),
        ] {
            let session = Rehearsed()
            session.play(before + command + "\nR: \(lie)\nS: \(reply)\n! aborted")
        }
    }

    @Test func `a backend that answers twice is cut off, and no command gets the second answer`() {
        Rehearsed().play(
            Opening.recipient() + """
                C: RCPT TO:<eve@example.com>
                B: RCPT TO:<eve@example.com>
                R: 550 no eve
                R: 250 yes
                S: 550 no eve
                ! aborted
                C: RCPT TO:<joe@example.com>
                S: \(unavailable)
                """)
    }

    @Test func `a 421 outside a transaction means a new connection at the next recipient`() {
        Rehearsed().play(
            Opening.data + """
                C: .
                B: .
                R: 250 ok
                S: 250 ok
                R: 421 idle too long
                C: MAIL FROM:<>
                S: 250 2.1.0 Ok
                C: RCPT TO:<bob@example.com>

                """ + Opening.backend("PIPELINING") + """
                    B: MAIL FROM:<>
                    B: RCPT TO:<bob@example.com>
                    """)
    }

    @Test func `a full server is 451 4 3 2`() {
        Rehearsed().play(
            Opening.ehlo + Opening.mail + """
                ! hold
                C: RCPT TO:<bob@example.com>
                ! busy
                S: 451 4.3.2 Error: mail server is busy
                ! open
                """)
    }

    @Test func `the reply to the end of data is awaited and reported after the client has gone`() {
        let session = Rehearsed()
        session.play(
            Opening.data + """
                C: .
                B: .
                ! client-ends
                R: 250 2.0.0 Ok: queued as ABC
                B: QUIT
                ! closed
                R: 221 bye
                ! backend-ends
                ! finished
                """)
        let taken = session.reports.contains { if case .messageTaken = $0 { true } else { false } }
        #expect(taken)
    }

    @Test func `a backend lost after the client has gone ends the session, for DATA and BDAT`() {
        Rehearsed().play(Opening.data + "C: .\nB: .\n! client-ends\n! backend-ends\n! finished")
        Rehearsed().play(
            Opening.recipient() + "C: BDAT 2 LAST\nC:\nB: BDAT 2 LAST\nB:\n! client-ends\n! backend-ends\n! finished")
        Rehearsed().play(Opening.data + "C: .\nB: .\n! client-ends\n! wait 601\n! finished")
    }

    @Test func `a client that goes at any step ends the session, and content without end never gets one`() {
        let steps = [
            "S: 220 mx.example.org ESMTP\n", Opening.ehlo, Opening.ehlo + Opening.mail,
            Opening.ehlo + Opening.mail + "! hold\nC: RCPT TO:<bob@example.com>\n",
            Opening.ehlo + Opening.mail + "C: RCPT TO:<bob@example.com>\n", Opening.recipient() + "C: DATA\nB: DATA\n",
            Opening.data, Opening.data + "C: text\nB: text\n",
        ]
        for step in steps {
            let session = Rehearsed()
            session.play(step + "! client-ends\n! closed")
            #expect(!String(decoding: session.backendWire, as: UTF8.self).contains("."))
            if !session.isFinished { session.advance(2 * seconds) }
            #expect(session.isFinished, "after \(step)")
        }
        let idle = Rehearsed()
        idle.play(Opening.recipient() + "! client-ends\nB: QUIT\n! wait 1\n! finished")
        #expect(idle.aborts == 1)
    }

    @Test func `a backend that breaks the protocol after QUIT ends the session once`() {
        let session = Rehearsed()
        session.play(Opening.recipient() + "! client-ends\nB: QUIT\nR: nonsense\n! finished")
        #expect(session.deadline == .max)
        #expect(session.aborts == 1)
        #expect(session.reports.filter { if case .backendFault = $0 { true } else { false } }.isEmpty)
    }
}
