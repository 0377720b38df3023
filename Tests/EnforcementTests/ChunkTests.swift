import Enforcement
import Policy
import Testing

@Suite struct ChunkTests {
    private let unavailable = "451 4.3.0 Error: mail server temporarily unavailable"

    @Test func `chunks go to a backend with CHUNKING as they come`() {
        let session = Rehearsed()
        session.play(
            Opening.recipient() + """
                C: BDAT 5
                C: abc
                B: BDAT 5
                B: abc
                R: 250 5 octets
                S: 250 2.0.0 Ok: 5 octets
                C: BDAT 4 LAST
                C: de
                B: BDAT 4 LAST
                B: de
                R: 250 queued as Q1
                S: 250 queued as Q1
                C: QUIT
                S: 221 2.0.0 Bye
                B: QUIT
                """)
        let summaries = session.reports.compactMap { if case .disconnected(let summary) = $0 { summary } else { nil } }
        let bdat = summaries.first?.counts.first { $0.command == "bdat" }
        #expect(bdat?.succeeded == 2)
        #expect(bdat?.total == 2)
    }

    @Test func `towards a backend without CHUNKING chunks become DATA, dot-stuffed across their borders`() {
        Rehearsed().play(
            Opening.recipient("8BITMIME") + """
                C: BDAT 4
                B: DATA
                R: 354 go
                C: ab
                B: ab
                S: 250 2.0.0 Ok: 4 octets
                C: BDAT 4 LAST
                C: .c
                B: ..c
                B: .
                R: 250 queued as Q2
                S: 250 queued as Q2
                """)
    }

    @Test func `a message without a final CRLF gets one when it becomes DATA`() {
        let session = Rehearsed()
        session.play(Opening.recipient("8BITMIME") + "C: BDAT 3 LAST\nB: DATA\nR: 354 go")
        session.clientSends(octets("abc"))
        session.play("B: abc\nB: .\nR: 250 ok\nS: 250 ok")
    }

    @Test func `pipelined chunks are answered one by one`() {
        let session = Rehearsed()
        session.play(Opening.recipient())
        session.clientSends(octets("BDAT 3\r\nabcBDAT 0 LAST\r\nNOOP\r\n"))
        session.play("B: BDAT 3\n! abc".replacing("\n! abc", with: ""), upTo: "abc")
        session.play("R: 250 ok\nS: 250 2.0.0 Ok: 3 octets\nB: BDAT 0 LAST\nR: 250 done\nS: 250 done\nS: 250 2.0.0 Ok")
    }

    @Test func `a loss between or inside chunks is 451 to each later chunk, read to its end`() {
        for keywords in ["CHUNKING", "8BITMIME"] {
            let isConverted = keywords != "CHUNKING"
            let session = Rehearsed()
            session.play(Opening.recipient(keywords))
            session.clientSends(octets("BDAT 5\r\nab"))
            session.backendWire = []
            if isConverted { session.backendSends(octets("354 go\r\n")) }
            session.backendWire = []
            session.event { $0.backendEnded(now: $1) }
            session.clientSends(octets("c\r\nBDAT 6\r\nQUIT\r\nBDAT 0 LAST\r\nNOOP\r\n"))
            session.play(
                "S: \(unavailable)\nS: \(unavailable)\nS: \(unavailable)\nS: 250 2.0.0 Ok\nC: MAIL FROM:<>\nS: 250 2.1.0 Ok"
            )
        }
    }

    @Test func `a loss while a chunk's reply is due is 451 to it and to the next`() {
        Rehearsed().play(
            Opening.recipient() + """
                C: BDAT 2
                C:
                B: BDAT 2
                B:
                ! backend-ends
                S: \(unavailable)
                C: BDAT 2 LAST
                C:
                S: \(unavailable)
                C: MAIL FROM:<>
                S: 250 2.1.0 Ok
                """)
    }

    @Test func `a refused chunk is swallowed, never read as commands`() {
        Rehearsed().play(
            Opening.ehlo + """
                C: BDAT 22 LAST
                C: MAIL FROM:<a@b.test>
                C: NOOP
                S: 503 5.5.1 Error: need MAIL command
                S: 250 2.0.0 Ok
                """)
    }

    @Test func `a chunk too long to be swallowed closes the connection`() {
        Rehearsed(
            .inbound {
                $0.limits.maxMessageSize = 100; $0.limits.maxSizeExcess = 10
            }
        ).play(
            Opening.recipient().replacing("SIZE 52428800", with: "SIZE 100") + """
                C: BDAT 111
                S: 552 5.3.4 Error: message size exceeds limit
                B: QUIT
                ! closed
                """)
    }

    @Test func `a bare CR at the very end of a chunked message never reaches the backend as such`() {
        let refusal = "S: 550 5.5.2 Error: bare <CR>, bare <LF> or <NUL> received\n! aborted"
        let last = Rehearsed()
        last.play(Opening.recipient())
        last.clientSends(octets("BDAT 3 LAST\r\nab\r"))
        last.backendWire = []
        last.play(refusal)
        let empty = Rehearsed()
        empty.play(Opening.recipient())
        empty.clientSends(octets("BDAT 3\r\nab\r"))
        empty.backendWire = []
        empty.play("R: 250 ok\nS: 250 2.0.0 Ok: 3 octets\nC: BDAT 0 LAST\n" + refusal)
    }

    @Test func `a rule at stage message holds the last chunk's end back`() {
        let rule = Rule("late", at: .message, when: .always, .reject(ReplyTemplate(550, "5.7.1 no")))
        Rehearsed(.with(rule)).play(
            Opening.recipient() + """
                C: BDAT 2 LAST
                C:
                B: BDAT 2
                B:
                R: 250 ok
                S: 550 5.7.1 no sid=SID
                C: MAIL FROM:<b@sender.test>
                S: 250 2.1.0 Ok
                C: RCPT TO:<bob@example.com>
                B: RSET
                B: MAIL FROM:<b@sender.test>
                B: RCPT TO:<bob@example.com>
                """)
        let pass = Rule("ok", at: .message, when: .always, .accept)
        Rehearsed(.with(pass)).play(
            Opening.recipient() + """
                C: BDAT 2 LAST
                C:
                B: BDAT 2
                B:
                R: 250 ok
                B: BDAT 0 LAST
                R: 250 taken
                S: 250 taken
                """)
    }

    @Test func `RSET inside chunks ends the message at the backend too`() {
        Rehearsed().play(
            Opening.recipient("8BITMIME") + """
                C: BDAT 2
                B: DATA
                R: 354 go
                C:
                B:
                S: 250 2.0.0 Ok: 2 octets
                C: RSET
                S: 250 2.0.0 Ok
                ! aborted
                """)
    }

    @Test func `without chunking BDAT is refused and the connection closed, since its payload would be commands`() {
        Rehearsed(.inbound { $0.limits.chunking = false }).play(
            "S: 220 mx.example.org ESMTP\nC: BDAT 4\nC: NOOP\nS: 502 5.5.1 Error: CHUNKING is not offered here\n! closed"
        )
    }
}

extension Rehearsed {
    /// Plays `script`, then takes `rest`, which has no end of line, from the backend's wire.
    func play(_ script: String, upTo rest: String) {
        let wanted = octets(script.replacing("B: ", with: "") + "\r\n" + rest)
        #expect(backendWire == wanted)
        backendWire = []
    }
}
