import Enforcement
import Policy
import SMTPSession
import Testing

@Suite struct SecurityTests {
    @Test func `bytes behind STARTTLS end the session`() {
        let session = Rehearsed()
        session.play(
            """
            S: 220 mx.example.org ESMTP
            C: STARTTLS
            C: EHLO evil
            S: 554 5.5.0 Error: data received behind STARTTLS
            ! closed
            """)
        #expect(!session.asksClientTLS)
    }

    @Test func `STARTTLS forgets what was said in clear`() {
        let session = Rehearsed()
        session.play(
            Opening.ehlo + Opening.mail + """
                C: STARTTLS
                S: 220 2.0.0 Ready to start TLS
                ! client-tls
                C: RCPT TO:<bob@example.com>
                S: 503 5.5.1 Error: need MAIL command
                C: MAIL FROM:<a@sender.test>
                S: 503 5.5.1 Error: send HELO/EHLO first
                C: STARTTLS
                S: 554 5.5.1 Error: TLS already active
                """)
        #expect(session.conversation.identity.tls != nil)
    }

    @Test func `implicit TLS greets inside, and a refusal at connect closes without a byte`() {
        Rehearsed(.inbound { $0.tls = .implicit }).play("! client-tls\nS: 220 mx.example.org ESMTP")
        let rule = Rule("shut", at: .connect, when: .always, .reject(ReplyTemplate(554, "5.7.1 no")))
        Rehearsed(.with(rule) { $0.tls = .implicit }).play("! closed\n! finished")
    }

    @Test func `a backend with STARTTLS hears nothing of the client in clear but its name`() {
        Rehearsed(
            .inbound {
                $0.backendTLS = .starttls; $0.identity = .xclient
            }
        ).play(
            Opening.ehlo + Opening.mail + """
                C: RCPT TO:<bob@example.com>
                R: 220 be
                B: EHLO laptop
                R: 250-be
                R: 250 STARTTLS
                B: STARTTLS
                R: 220 go
                ! backend-tls
                B: EHLO laptop
                R: 250-be
                R: 250 XCLIENT NAME ADDR
                B: XCLIENT NAME=[UNAVAILABLE] ADDR=203.0.113.7
                R: 220 be
                B: EHLO laptop
                R: 250-be
                R: 250 PIPELINING
                B: MAIL FROM:<a@sender.test>
                B: RCPT TO:<bob@example.com>
                """)
    }

    @Test func `bytes behind the backend's 220 to STARTTLS are a fault`() {
        let session = Rehearsed(.inbound { $0.backendTLS = .starttls })
        session.play(
            Opening.ehlo + Opening.mail + """
                C: RCPT TO:<bob@example.com>
                R: 220 be
                B: EHLO laptop
                R: 250-be
                R: 250 STARTTLS
                B: STARTTLS
                R: 220 go
                R: 250 injected
                S: 451 4.3.0 Error: mail server temporarily unavailable
                ! aborted
                """)
        #expect(!session.asksBackendTLS)
    }

    @Test func `a bare newline in a command is refused and nothing behind it is read`() {
        for bad in ["NOOP\nNOOP\r\n", "NO\u{0}OP\r\n", "NOOP\rNOOP\r\n"] {
            let session = Rehearsed()
            session.play("S: 220 mx.example.org ESMTP")
            session.clientSends(octets(bad + "QUIT\r\n"))
            session.play("S: 550 5.5.2 Error: bare <CR>, bare <LF> or <NUL> received\n! closed")
        }
    }

    @Test func `foreign protocols are cut off`() {
        Rehearsed().play(
            "S: 220 mx.example.org ESMTP\nC: GET / HTTP/1.1\nC: Host: x\nS: 554 5.5.1 Error: this is a mail server\n! closed"
        )
    }

    @Test func `an overlong line is answered once, and one without end closes`() {
        let session = Rehearsed()
        session.play("S: 220 mx.example.org ESMTP")
        session.advance(299 * seconds)
        session.clientSends(octets(String(repeating: "x", count: 3000)))
        session.play("S: 500 5.5.2 Error: line too long")
        session.advance(29 * seconds)
        session.clientSends(octets("yy\r\nNOOP\r\n"))
        session.play("S: 250 2.0.0 Ok")
        session.clientSends([UInt8](repeating: 0x78, count: 70_000))
        session.play(
            "S: 500 5.5.2 Error: line too long\nS: 421 4.7.0 mx.example.org Error: command line without end\n! closed")
    }
}

@Suite struct LimitTests {
    private let tooMany = "421 4.7.0 mx.example.org Error: too many errors"

    @Test func `max_errors ends the session behind the reply`() {
        Rehearsed(.inbound { $0.limits.maxErrors = 2 }).play(
            """
            S: 220 mx.example.org ESMTP
            C: FOO
            C: BAR
            C: NOOP
            S: 500 5.5.2 Error: command not recognized
            S: 500 5.5.2 Error: command not recognized
            S: \(tooMany)
            ! closed
            """)
    }

    @Test func `max_junk ends the session instead of the reply`() {
        Rehearsed(.inbound { $0.limits.maxJunk = 2 }).play(
            """
            S: 220 mx.example.org ESMTP
            C: NOOP
            C: RSET
            C: VRFY x
            S: 250 2.0.0 Ok
            S: 250 2.0.0 Ok
            S: \(tooMany)
            ! closed
            """)
    }

    @Test func `max_messages ends the session at the next MAIL`() {
        Rehearsed(.inbound { $0.limits.maxMessages = 1 }).play(
            Opening.data.replacing("MAILMAX=100", with: "MAILMAX=1") + """
                C: .
                B: .
                R: 250 ok
                S: 250 ok
                C: MAIL FROM:<>
                S: 421 4.7.0 mx.example.org Error: too many messages in this connection
                B: QUIT
                ! closed
                """)
    }

    @Test func `max_recipients counts what was asked for`() {
        Rehearsed(.inbound { $0.limits.maxRecipients = 1 }).play(
            Opening.recipient().replacing("RCPTMAX=1000", with: "RCPTMAX=1") + """
                C: RCPT TO:<eve@example.com>
                S: 452 4.5.3 Error: too many recipients
                """)
    }

    @Test func `a PROXY header without a client gets no mail and no login`() {
        for command in ["MAIL FROM:<>", "AUTH PLAIN"] {
            Rehearsed(.submission { $0.hasClient = false }).play(
                Opening.ehlo + """
                    C: NOOP
                    S: 250 2.0.0 Ok
                    C: \(command)
                    S: 421 4.7.0 mx.example.org Error: the client's address is not known
                    ! closed
                    ! unconnected
                    """)
        }
    }

    @Test func `greet_wait holds the greeting back, and inbound drops who talks first`() {
        Rehearsed(.inbound { $0.limits.greetWait = 3 * seconds }).play(
            "! wait 2\n! wait 1\n".replacing("! wait 1\n", with: "") + "! open")
        let patient = Rehearsed(.inbound { $0.limits.greetWait = 3 * seconds })
        patient.advance(3 * seconds)
        patient.play("S: 220 mx.example.org ESMTP")
        Rehearsed(.inbound { $0.limits.greetWait = 3 * seconds }).play(
            """
            C: EHLO bot
            S: 554 5.5.1 Error: data sent before the greeting sid=SID
            ! closed
            """)
    }

    @Test func `a connection refused at connect gets 554, then 503 until QUIT or ten seconds`() {
        let rule = Rule("shut", at: .connect, when: .always, .reject(ReplyTemplate(554, "5.7.1 no")))
        Rehearsed(.with(rule)).play(
            """
            S: 554 5.7.1 no sid=SID
            C: EHLO x
            S: 503 5.5.1 Error: connection was refused, send QUIT
            C: QUIT
            S: 221 2.0.0 Bye
            ! closed
            """)
        let silent = Rehearsed(.with(rule))
        silent.play("S: 554 5.7.1 no sid=SID")
        silent.advance(10 * seconds)
        silent.play("S: 421 4.4.2 mx.example.org Error: timeout exceeded\n! closed")
    }

    @Test func `drain closes idle sessions and lets a transaction finish`() {
        let goodbye = "S: 421 4.3.2 mx.example.org Service shutting down"
        Rehearsed().play(Opening.ehlo + "! drain\n\(goodbye)\n! closed")
        Rehearsed().play(
            Opening.recipient() + """
                ! drain
                ! open
                C: DATA
                B: DATA
                R: 354 go
                S: 354 go
                C: .
                B: .
                R: 250 ok
                S: 250 ok
                \(goodbye)
                B: QUIT
                ! closed
                """)
        Rehearsed(.inbound { $0.limits.greetWait = 3 * seconds }).play("! drain\n\(goodbye)\n! closed")
    }

    @Test func `a monitored rule changes nothing and is reported with its reply`() {
        let rule = Rule("maybe", at: .mail, mode: .monitor, when: .always, .reject(ReplyTemplate(550, "5.7.1 no")))
        let session = Rehearsed(.with(rule))
        session.play(Opening.ehlo + Opening.mail)
        let monitored = session.reports.compactMap { if case .refused(let report) = $0 { report } else { nil } }
        #expect(monitored.map(\.mode) == [.monitor])
        #expect(monitored.map(\.reply) == [ReplyText(550, "5.7.1 no")])
    }

    @Test func `a drop at rcpt_reply closes with its reply`() {
        let rule = Rule("probe", at: .rcptReply, when: .always, .drop(ReplyTemplate(421, "4.7.0 bye")))
        Rehearsed(.with(rule)).play(
            Opening.ehlo + Opening.mail + "C: RCPT TO:<bob@example.com>\n" + Opening.backend("PIPELINING") + """
                B: MAIL FROM:<a@sender.test>
                B: RCPT TO:<bob@example.com>
                R: 250 a
                R: 550 b
                S: 421 4.7.0 bye sid=SID
                B: QUIT
                ! closed
                """)
    }
}
