import Bytes
import Enforcement
import Policy
import SMTPSession
import Testing

@Suite struct InterceptionTests {
    private static let introduced = """
        R: 220-far.example says
        R: 220 hello
        S: 220-far.example says
        S: 220 hello
        C: EHLO bot
        B: EHLO bot
        R: 250-far.example
        R: 250-PIPELINING
        R: 250-SIZE 99999999
        R: 250-ETRN
        R: 250-XCLIENT NAME ADDR
        R: 250-AUTH PLAIN X-OWN
        R: 250-STARTTLS
        R: 250 CHUNKING
        S: 250-far.example
        S: 250-PIPELINING
        S: 250-SIZE 52428800
        S: 250-AUTH PLAIN
        S: 250-STARTTLS
        S: 250 CHUNKING

        """
    private static let spliced =
        introduced + """
            C: STARTTLS
            B: STARTTLS
            R: 220 go
            S: 220 go

            """

    // MARK: Explaining

    @Test func `an explained client reads every line and may say QUIT`() {
        let session = Rehearsed(
            .intercepted {
                $0.intercepted = .explain
                $0.explanation = Explanation(lines: ["Not from here.", "https://isp.example/25"])
            })
        session.play(
            """
            S: 554-5.7.1 Not from here.
            S: 554 5.7.1 https://isp.example/25 sid=SID
            C: EHLO bot
            S: 503 5.5.1 Error: connection was refused, send QUIT
            C: QUIT
            S: 221 2.0.0 Bye
            ! closed
            ! finished
            ! unconnected
            """)
        let rules = session.reports.compactMap { if case .refused(let refusal) = $0 { refusal.rule } else { nil } }
        #expect(rules == [.builtIn("explain")])
    }

    @Test func `an explained client that says nothing is let go`() {
        let session = Rehearsed(.intercepted { $0.intercepted = .explain })
        session.clientWire = []
        session.play("! wait 9\n! open\n! wait 2\nS: 421 4.4.2 mx.example.org Error: timeout exceeded\n! closed")
    }

    @Test func `a rule at connect speaks before any explanation, and before the server is asked`() {
        for intercepted in Intercepted.allCases {
            let rule = Rule("shut", at: .connect, when: .always, .reject(ReplyTemplate(554, "5.7.1 no")))
            Rehearsed(.intercepted(rule) { $0.intercepted = intercepted }).play(
                "S: 554 5.7.1 no sid=SID\n! unconnected")
        }
    }

    // MARK: The server that was meant

    @Test func `its greeting and its offer are the client's, minus what we could not follow`() {
        let session = Rehearsed(.intercepted())
        session.play(Self.introduced)
        #expect(
            session.reports.contains(
                .offersHidden(server: "127.0.0.1:10025", keywords: ["ETRN", "XCLIENT"])))
    }

    @Test func `its refusal is the greeting`() {
        Rehearsed(.intercepted()).play(
            """
            R: 554 go away
            S: 554 go away
            C: EHLO bot
            S: 503 5.5.1 Error: connection was refused, send QUIT
            """)
        Rehearsed(.intercepted()).play("R: 421 too busy\nS: 421 too busy\n! closed\n! finished")
    }

    @Test func `one that is not there is 421`() {
        Rehearsed(.intercepted()).play(
            """
            ! backend-ends
            S: 421 4.4.1 mx.example.org Error: the mail server that you connected to cannot be reached
            ! closed
            ! finished
            """)
        Rehearsed(.intercepted()).play(
            "! wait 31\nS: 421 4.4.1 mx.example.org Error: the mail server that you connected to cannot be reached")
    }

    @Test func `it may refuse a name and hear another, EHLO or HELO`() {
        Rehearsed(.intercepted()).play(
            """
            R: 220 far
            S: 220 far
            C: EHLO bad
            B: EHLO bad
            R: 550 not that name
            S: 550 not that name
            C: MAIL FROM:<a@sender.test>
            S: 503 5.5.1 Error: send HELO/EHLO first
            C: HELO good
            B: HELO good
            R: 250 far
            S: 250 far
            C: MAIL FROM:<a@sender.test>
            S: 250 2.1.0 Ok
            C: RCPT TO:<bob@elsewhere.test>
            B: MAIL FROM:<a@sender.test>
            R: 250 ok
            B: RCPT TO:<bob@elsewhere.test>
            R: 250 ok
            S: 250 ok
            """)
    }

    @Test func `rules hold, and a message that they refuse never ends at the server`() {
        let forged = Rule(
            "forged", at: .mail, when: .equal(.senderDomain, .text("forged.test")),
            .reject(ReplyTemplate(554, "5.7.1 no")))
        let large = Rule("any", at: .message, when: .always, .reject(ReplyTemplate(554, "5.7.1 not this")))
        let session = Rehearsed(.intercepted(forged, large))
        session.play(
            Self.introduced + """
                C: MAIL FROM:<a@forged.test>
                S: 554 5.7.1 no sid=SID
                C: MAIL FROM:<a@sender.test>
                S: 250 2.1.0 Ok
                C: RCPT TO:<bob@elsewhere.test>
                B: MAIL FROM:<a@sender.test>
                B: RCPT TO:<bob@elsewhere.test>
                R: 250 ok
                R: 250 ok
                S: 250 ok
                C: DATA
                B: DATA
                R: 354 go
                S: 354 go
                C: x
                C: .
                S: 554 5.7.1 not this sid=SID
                C: EHLO again
                R: 220 far
                B: EHLO again
                R: 250 far
                S: 250 far
                C: MAIL FROM:<b@sender.test>
                S: 250 2.1.0 Ok
                """)
        #expect(session.connects.count == 2)
    }

    @Test func `nothing is asked of a server before the client has said its name`() {
        Rehearsed(.intercepted()).play(
            "R: 220 far\nS: 220 far\nC: STARTTLS\nS: 503 5.5.1 Error: send EHLO first\nC: QUIT\nS: 221 2.0.0 Bye\n! closed"
        )
    }

    @Test func `a login is the server's to judge, in clear too where no rule forbids it`() {
        Rehearsed(.intercepted()).play(
            Self.introduced + """
                C: AUTH PLAIN AGNhcm9sAHNlY3JldA==
                B: AUTH PLAIN AGNhcm9sAHNlY3JldA==
                R: 235 2.7.0 in
                S: 235 2.7.0 in
                """)
    }

    // MARK: STARTTLS

    @Test func `STARTTLS is the server's, and what follows goes both ways as it is`() {
        let session = Rehearsed(.intercepted())
        session.play(
            Self.spliced + """
                C: \u{16}\u{03} not SMTP
                B: \u{16}\u{03} not SMTP
                R: 999 nor this
                S: 999 nor this
                C: MAIL FROM:<a@forged.test>
                B: MAIL FROM:<a@forged.test>
                """)
        #expect(!session.asksClientTLS)
        #expect(session.reports.contains(.tlsPassedOn(server: "127.0.0.1:10025")))
    }

    @Test func `a refused STARTTLS leaves the session in clear and under the rules`() {
        let rule = Rule("no", at: .mail, when: .always, .reject(ReplyTemplate(554, "5.7.1 no")))
        Rehearsed(.intercepted(rule)).play(
            Self.introduced + """
                C: STARTTLS
                B: STARTTLS
                R: 454 not now
                S: 454 not now
                C: MAIL FROM:<a@sender.test>
                S: 554 5.7.1 no sid=SID
                """)
    }

    @Test func `bytes in clear behind STARTTLS are refused on both sides`() {
        Rehearsed(.intercepted()).play(
            Self.introduced + """
                C: STARTTLS
                C: EHLO evil
                S: 554 5.5.0 Error: data received behind STARTTLS
                B: QUIT
                ! closed
                """)
        let session = Rehearsed(.intercepted())
        session.play(
            Self.introduced + """
                C: STARTTLS
                B: STARTTLS
                R: 220 go
                R: 250 evil
                S: 454 4.7.0 TLS not available due to temporary reason
                ! aborted
                """)
    }

    // MARK: Splicing

    @Test func `each direction ends by itself, and the session when both have`() {
        let session = Rehearsed(.intercepted())
        session.play(
            Self.spliced + """
                C: last words
                B: last words
                ! client-sends-no-more
                ! backend-shut
                ! open
                R: answer
                S: answer
                ! backend-ends
                ! client-shut
                ! closed
                ! finished
                """)
    }

    @Test func `a side that does not read stops the other`() {
        let session = Rehearsed(.intercepted())
        session.play(Self.spliced)
        session.backendReads = false
        for _ in 0..<100 where session.wantsClientInput { session.clientSends([UInt8](repeating: 1, count: 4096)) }
        #expect(!session.wantsClientInput && session.queuedForBackend < 128 * 1024)
        session.backendReads = true
        session.settle()
        #expect(session.wantsClientInput)
        session.clientReads = false
        for _ in 0..<100 where session.conversation.wantsBackendInput {
            session.backendSends([UInt8](repeating: 2, count: 4096))
        }
        #expect(!session.conversation.wantsBackendInput && session.conversation.toClient.count < 128 * 1024)
    }

    @Test func `silence on both sides ends it after the longest wait that SMTP knows`() {
        Rehearsed(.intercepted()).play(Self.spliced + "! wait 599\n! open\n! wait 2\n! closed\n! finished")
    }

    @Test func `a broken side ends the other`() {
        Rehearsed(.intercepted()).play(Self.spliced + "! client-ends\n! finished\n! aborted")
        let session = Rehearsed(.intercepted())
        session.play(Self.spliced)
        session.event { $0.backendBroke(now: $1) }
        session.play("! closed\n! finished")
    }
}
