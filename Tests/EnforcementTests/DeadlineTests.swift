import Enforcement
import Policy
import Testing

/// Every timeout, by moving the clock to just before it and over it.
@Suite struct DeadlineTests {
    private let timeout = "S: 421 4.4.2 mx.example.org Error: timeout exceeded\n! closed"

    /// `script` stands for `limit` seconds, and one more second brings `result`.
    private func expect(_ script: String, after limit: UInt64, _ result: String, _ stage: StageSetting = StageSetting())
    {
        let session = Rehearsed(stage)
        session.play(script + "\n! wait \(limit - 1)\n! open")
        session.now += 1 * seconds
        session.event { $0.deadlinePassed(now: $1) }
        session.backendWire = []
        session.play(result)
    }

    @Test func `client command is the time to the next command`() {
        expect("S: 220 mx.example.org ESMTP", after: 300, timeout)
        expect(Opening.ehlo, after: 300, timeout)
        expect(
            Opening.data.replacing("C: DATA", with: "C: NOOP").prefix(through: "S: 250 2.1.5 bob\n"), after: 300,
            timeout)
    }

    @Test func `client command_deadline is the time from a line's first octet to its end`() {
        let session = Rehearsed()
        session.play("S: 220 mx.example.org ESMTP")
        for octet in octets("EHLO lap") {
            session.clientSends([octet])
            session.advance(3 * seconds)
        }
        session.play("! open")
        session.advance(6 * seconds)
        session.play(timeout)
    }

    @Test func `client data_block is a silence inside content`() {
        expect(Opening.data, after: 180, timeout, .inbound { $0.limits.minDataRate = 0 })
    }

    @Test func `min_data_rate holds after data_grace`() {
        expect(Opening.data, after: 30, timeout)
        let session = Rehearsed()
        session.play(Opening.data)
        for _ in 0..<40 {
            session.clientSends(octets(String(repeating: "z", count: 598) + "\r\n"))
            session.advance(1 * seconds)
        }
        session.backendWire = []
        session.play("! open")
        session.clientSends(octets(".\r\n"))
        session.play("B: .\nR: 250 ok\nS: 250 ok")
    }

    @Test func `tls_handshake bounds the client's handshake`() {
        expect(
            "S: 220 mx.example.org ESMTP\nC: STARTTLS\nS: 220 2.0.0 Ready to start TLS", after: 10,
            "! closed\n! finished")
        expect("", after: 10, "! closed\n! finished", .inbound { $0.tls = .implicit })
    }

    @Test func `backend connect, greeting, reply and end_of_data`() {
        let unavailable = "S: 451 4.3.0 Error: mail server temporarily unavailable"
        let rcpt = Opening.ehlo + Opening.mail + "C: RCPT TO:<bob@example.com>\n"
        expect(Opening.ehlo + "! hold\n" + Opening.mail + "C: RCPT TO:<bob@example.com>", after: 10, unavailable)
        expect(rcpt, after: 30, unavailable)
        expect(rcpt + "R: 220 be\nB: EHLO laptop", after: 300, unavailable)
        expect(
            Opening.recipient() + "C: RCPT TO:<eve@example.com>\nB: RCPT TO:<eve@example.com>", after: 300, unavailable)
        expect(Opening.recipient() + "C: DATA\nB: DATA", after: 300, unavailable)
        expect(Opening.data + "C: .\nB: .", after: 600, unavailable)
        expect(Opening.recipient() + "C: BDAT 2 LAST\nC:\nB: BDAT 2 LAST\nB:", after: 600, unavailable)
    }

    @Test func `more recipients do not give a backend more time`() {
        let session = Rehearsed()
        session.play(
            Opening.ehlo + Opening.mail + """
                ! hold
                C: RCPT TO:<bob@example.com>
                ! wait 9
                C: RCPT TO:<eve@example.com>
                ! open
                """)
        session.advance(1 * seconds)
        session.play(
            """
            S: 451 4.3.0 Error: mail server temporarily unavailable
            S: 451 4.3.0 Error: mail server temporarily unavailable
            """)
    }

    @Test func `a backend that takes no data is given up after data_block`() {
        let session = Rehearsed()
        session.play(Opening.data)
        session.advance(29 * seconds)
        session.backendReads = false
        session.clientSends(octets(String(repeating: "z", count: 12000) + "\r\n.\r\n"))
        session.advance(179 * seconds)
        session.play("! open")
        #expect(session.aborts == 0)
        session.advance(1 * seconds)
        session.play("S: 451 4.3.0 Error: mail server temporarily unavailable")
        #expect(session.aborts == 1)
    }

    @Test func `a client that takes no replies is given up after data_block, once`() {
        let session = Rehearsed()
        session.play(Opening.ehlo)
        session.clientReads = false
        session.advance(200 * seconds)
        session.clientSends(octets("NOOP\r\n"))
        session.advance(179 * seconds)
        session.play("! open")
        session.advance(1 * seconds)
        session.play("! closed\n! finished")
        #expect(session.deadline == .max)
        let timeouts = session.reports.filter { if case .timedOut = $0 { true } else { false } }
        #expect(timeouts.count == 1)
    }

    @Test func `a client that does not take the last reply does not keep a deadline in the past`() {
        let session = Rehearsed()
        session.play(Opening.ehlo)
        session.clientReads = false
        session.clientSends(octets("QUIT\r\n"))
        session.advance(1000 * seconds)
        #expect(session.deadline == .max)
        #expect(session.isClientClosed)
    }

    @Test func `QUIT leaves the backend a second to close first`() {
        let session = Rehearsed()
        session.play(Opening.recipient() + "C: QUIT\nS: 221 2.0.0 Bye\nB: QUIT")
        #expect(!session.isFinished)
        session.advance(1 * seconds)
        #expect(session.isFinished)
    }

    @Test func `a client that pipelines more than we answer is not held to a deadline while we do not read`() {
        let session = Rehearsed(.inbound { $0.limits.maxRecipients = 1000 })
        session.play(Opening.ehlo + Opening.mail)
        let line = octets("RCPT TO:<bob@example.com>\r\n")
        for _ in 0..<300 { session.clientSends(line) }
        #expect(!session.wantsClientInput)
        session.backendSends(octets("220 be\r\n"))
        session.advance(200 * seconds)
        session.play("B: EHLO laptop\n! open")
    }
}

extension String {
    fileprivate func prefix(through text: String) -> String {
        firstRange(of: text).map { String(self[..<$0.upperBound]) } ?? self
    }
}
