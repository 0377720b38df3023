import Enforcement
import Policy
import Testing

@Suite struct MailTests {
    @Test func `an inbound message goes through, and each reply is the backend's`() {
        let session = Rehearsed()
        session.play(
            Opening.data + """
                C: Subject: hello
                C:
                C: ..dot
                C: .
                B: Subject: hello
                B:
                B: ..dot
                B: .
                R: 250 2.0.0 Ok: queued as E7C4FF7C432
                S: 250 2.0.0 Ok: queued as E7C4FF7C432
                C: QUIT
                S: 221 2.0.0 Bye
                B: QUIT
                ! closed
                R: 221 bye
                ! backend-ends
                ! finished
                """)
        let messages = session.reports.compactMap { if case .messageTaken(let report) = $0 { report } else { nil } }
        #expect(messages.count == 1)
        #expect(messages.first?.queueID == "E7C4FF7C432")
        #expect(messages.first?.size == 24)
        #expect(messages.first?.sender == octets("a@sender.test"))
        #expect(messages.first?.relay == "127.0.0.1:10025")
    }

    @Test func `the disconnect report counts each command once and its success once`() {
        let session = Rehearsed()
        session.play(
            Opening.data + """
                C: .
                B: .
                R: 250 ok
                S: 250 ok
                C: RCPT TO:<x@example.com>
                S: 503 5.5.1 Error: need MAIL command
                C: QUIT
                S: 221 2.0.0 Bye
                B: QUIT
                """)
        let summaries = session.reports.compactMap { if case .disconnected(let summary) = $0 { summary } else { nil } }
        let counts = summaries.first?.counts.map { "\($0.command)=\($0.succeeded)/\($0.total)" }.sorted()
        #expect(counts == ["data=1/1", "ehlo=1/1", "mail=1/1", "quit=1/1", "rcpt=1/2"])
        #expect(summaries.count == 1)
    }

    @Test func `foreign recipients and routing forms are refused without the backend`() {
        Rehearsed().play(
            Opening.ehlo + Opening.mail + """
                C: RCPT TO:<x@foreign.test>
                S: 554 5.7.1 <x@foreign.test>: Relay access denied sid=SID
                C: RCPT TO:<x%foreign.test@example.com>
                S: 554 5.7.1 <x%foreign.test@example.com>: Relay access denied sid=SID
                C: DATA
                S: 503 5.5.1 Error: no valid recipients
                C: QUIT
                S: 221 2.0.0 Bye
                ! unconnected
                ! finished
                """)
    }

    @Test func `submission wants TLS, then a login, then passes mail to anybody`() {
        Rehearsed(.submission()).play(
            Opening.ehlo + """
                C: MAIL FROM:<carol@example.org>
                S: 530 5.7.0 Must issue a STARTTLS command first sid=SID
                C: AUTH PLAIN AGNhcm9sAHNlY3JldA==
                S: 538 5.7.11 Encryption required for requested authentication mechanism sid=SID
                """)
        let session = Rehearsed(.submission())
        session.play(
            Opening.tls + """
                C: MAIL FROM:<carol@example.org>
                S: 530 5.7.0 Authentication required sid=SID
                ! unconnected
                """)
        Rehearsed(.submission()).play(
            Opening.login + """
                C: MAIL FROM:<carol@example.org>
                S: 250 2.1.0 Ok
                C: RCPT TO:<x@foreign.test>
                B: MAIL FROM:<carol@example.org>
                B: RCPT TO:<x@foreign.test>
                R: 250 sender
                R: 250 rcpt
                S: 250 rcpt
                """)
    }

    @Test func `a refused MAIL is the answer to its recipients, now and later`() {
        Rehearsed().play(
            Opening.ehlo + Opening.mail + "C: RCPT TO:<bob@example.com>\n" + Opening.backend("PIPELINING") + """
                B: MAIL FROM:<a@sender.test>
                B: RCPT TO:<bob@example.com>
                R: 550 5.1.8 no such sender
                R: 503 need MAIL
                S: 550 5.1.8 no such sender
                C: RCPT TO:<eve@example.com>
                S: 550 5.1.8 no such sender
                C: DATA
                S: 503 5.5.1 Error: no valid recipients
                C: RSET
                S: 250 2.0.0 Ok
                C: MAIL FROM:<>
                C: RCPT TO:<bob@example.com>
                S: 250 2.1.0 Ok
                B: RSET
                B: MAIL FROM:<>
                B: RCPT TO:<bob@example.com>
                R: 250 reset
                R: 250 sender
                R: 250 rcpt
                S: 250 rcpt
                """)
    }

    @Test func `a backend without PIPELINING gets one command at a time`() {
        Rehearsed().play(
            Opening.ehlo + """
                C: MAIL FROM:<a@sender.test>
                C: RCPT TO:<bob@example.com>
                C: RCPT TO:<eve@example.com>
                S: 250 2.1.0 Ok

                """ + Opening.backend() + """
                    B: MAIL FROM:<a@sender.test>
                    R: 250 sender
                    B: RCPT TO:<bob@example.com>
                    R: 250 bob
                    B: RCPT TO:<eve@example.com>
                    S: 250 bob
                    R: 550 no eve
                    S: 550 no eve
                    """)
    }

    @Test func `the client's own verb and name are repeated to the backend, again after a new one`() {
        Rehearsed().play(
            Opening.recipient() + """
                C: HELO other
                S: 250 mx.example.org
                C: MAIL FROM:<a@sender.test>
                S: 250 2.1.0 Ok
                C: RCPT TO:<bob@example.com>
                B: HELO other
                R: 250 be
                B: MAIL FROM:<a@sender.test>
                R: 250 sender
                B: RCPT TO:<bob@example.com>
                R: 250 bob
                S: 250 bob
                """)
    }

    @Test func `reports and rules name the recipient that was judged, not the newest`() {
        let session = Rehearsed()
        session.play(
            Opening.ehlo + """
                C: MAIL FROM:<a@sender.test>
                C: RCPT TO:<bob@example.com>
                C: RCPT TO:<eve@example.com>
                S: 250 2.1.0 Ok

                """ + Opening.backend("PIPELINING") + """
                    B: MAIL FROM:<a@sender.test>
                    B: RCPT TO:<bob@example.com>
                    B: RCPT TO:<eve@example.com>
                    R: 250 sender
                    R: 550 no bob
                    R: 550 no eve
                    S: 550 no bob
                    S: 550 no eve
                    """)
        let refused = session.reports.compactMap {
            if case .backendRefused(let report) = $0 { report.recipient } else { nil }
        }
        #expect(refused == [octets("bob@example.com"), octets("eve@example.com")])
    }

    @Test func `a running session takes a new policy at its next MAIL`() {
        let session = Rehearsed()
        session.play(Opening.ehlo + Opening.mail)
        var stage = StageSetting.inbound { _ in }
        stage.policies = [
            PolicyDefinition(name: "shut", rules: [], otherwise: .reject(ReplyTemplate(550, "5.7.1 shut")))
        ]
        session.source.current = stage.context
        session.play(
            "C: RCPT TO:<bob@example.com>\n" + Opening.backend("PIPELINING") + """
                B: MAIL FROM:<a@sender.test>
                B: RCPT TO:<bob@example.com>
                R: 250 sender
                R: 250 bob
                S: 250 bob
                C: RSET
                C: MAIL FROM:<a@sender.test>
                S: 250 2.0.0 Ok
                S: 550 5.7.1 shut sid=SID
                """)
    }

    @Test func `what the live backend lacks is 550 for SMTPUTF8 and 451 for the rest`() {
        let cases = [
            ("SMTPUTF8", "550 5.6.7 Error: SMTPUTF8 is not supported by the mail server"),
            ("BODY=8BITMIME", "451 4.3.0 Error: mail server lacks a requested extension"),
            ("RET=HDRS", "451 4.3.0 Error: mail server lacks a requested extension"),
        ]
        for (parameter, reply) in cases {
            Rehearsed().play(
                Opening.ehlo + """
                    C: MAIL FROM:<a@sender.test> \(parameter)
                    S: 250 2.1.0 Ok
                    C: RCPT TO:<bob@example.com>

                    """ + Opening.backend("PIPELINING") + """
                        S: \(reply)
                        C: RCPT TO:<eve@example.com>
                        S: \(reply)
                        """)
        }
        Rehearsed().play(
            Opening.ehlo + Opening.mail + """
                C: RCPT TO:<bob@example.com> NOTIFY=NEVER
                C: RCPT TO:<eve@example.com>

                """ + Opening.backend("PIPELINING") + """
                    B: MAIL FROM:<a@sender.test>
                    B: RCPT TO:<eve@example.com>
                    S: 451 4.3.0 Error: mail server lacks a requested extension
                    R: 250 sender
                    R: 250 eve
                    S: 250 eve
                    """)
    }
}
