import Enforcement
import Policy
import Testing

@Suite struct LoginTests {
    private let backend = Opening.backend("PIPELINING", "AUTH PLAIN LOGIN CRAM-MD5")

    @Test func `PLAIN without an initial response is challenged by us, and goes to the backend with AUTH`() {
        Rehearsed(.submission()).play(
            Opening.tls + """
                C: AUTH PLAIN
                S: 334 
                C: AGNhcm9sAHNlY3JldA==

                """ + backend + """
                    B: AUTH PLAIN AGNhcm9sAHNlY3JldA==
                    R: 235 2.7.0 in
                    S: 235 2.7.0 in
                    C: AUTH PLAIN
                    S: 503 5.5.1 Error: already authenticated
                    """)
    }

    @Test func `LOGIN asks for the name itself and passes the password on`() {
        Rehearsed(.submission()).play(
            Opening.tls + """
                C: AUTH LOGIN
                S: 334 VXNlcm5hbWU6
                C: Y2Fyb2w=

                """ + backend + """
                    B: AUTH LOGIN
                    R: 334 VXNlcm5hbWU6
                    B: Y2Fyb2w=
                    R: 334 UGFzc3dvcmQ6
                    S: 334 UGFzc3dvcmQ6
                    C: c2VjcmV0
                    B: c2VjcmV0
                    R: 235 ok
                    S: 235 ok
                    """)
    }

    @Test func `a wrong password is the backend's word, held back for auth_fail_delay`() {
        let session = Rehearsed(.submission { $0.limits.authFailDelay = 2 * seconds })
        session.play(
            Opening.tls + "C: AUTH PLAIN AGNhcm9sAHNlY3JldA==\n" + backend + """
                B: AUTH PLAIN AGNhcm9sAHNlY3JldA==
                R: 535 5.7.8 no
                C: NOOP
                ! wait 1
                ! open
                """)
        session.advance(1 * seconds)
        session.play("S: 535 5.7.8 no\nS: 250 2.0.0 Ok")
        let failed = session.reports.compactMap {
            if case .authenticationFailed(let report) = $0 { report } else { nil }
        }
        #expect(failed.map(\.login) == [octets("carol@example.org")])
        #expect(failed.map(\.result) == [.badCredentials])
    }

    @Test func `a drop at auth_reply says its reply before it closes, also when that is held back`() {
        let rule = Rule("brute", at: .authReply, when: .always, .drop(ReplyTemplate(421, "4.7.0 enough")))
        for delay in [0, 1] as [UInt64] {
            let stage = StageSetting.submission {
                $0.limits.authFailDelay = delay * seconds
                $0.policies.insert(PolicyDefinition(name: "x", rules: [rule], otherwise: .accept), at: 0)
            }
            let session = Rehearsed(stage)
            session.play(
                Opening.tls + "C: AUTH PLAIN AGNhcm9sAHNlY3JldA==\n" + backend
                    + "B: AUTH PLAIN AGNhcm9sAHNlY3JldA==")
            session.backendSends(octets("535 no\r\n"))
            if delay > 0 { session.play("! open") }
            session.advance(delay * seconds)
            session.play("S: 421 4.7.0 enough sid=SID\nB: QUIT\n! closed")
        }
    }

    @Test func `a drop at login says its reply, and the backend sees nothing`() {
        let rule = Rule("stop", at: .login, when: .always, .drop(ReplyTemplate(421, "4.7.0 stop")))
        let stage = StageSetting.submission {
            $0.limits.authFailDelay = seconds
            $0.policies.insert(PolicyDefinition(name: "x", rules: [rule], otherwise: .accept), at: 0)
        }
        Rehearsed(stage).play(
            Opening.tls + "C: AUTH PLAIN AGNhcm9sAHNlY3JldA==\nS: 421 4.7.0 stop sid=SID\n! closed\n! unconnected")
    }

    @Test func `a drop at login inside CRAM-MD5 cancels at the backend, says its reply, and closes`() {
        let rule = Rule("stop", at: .login, when: .always, .drop(ReplyTemplate(421, "4.7.0 stop")))
        let stage = StageSetting.submission {
            $0.policies.insert(PolicyDefinition(name: "x", rules: [rule], otherwise: .accept), at: 0)
        }
        let answer = base64("carol 0123456789abcdef0123456789abcdef")
        Rehearsed(stage).play(
            Opening.tls + "C: AUTH CRAM-MD5\n" + backend + """
                B: AUTH CRAM-MD5
                R: 334 PDE+
                S: 334 PDE+
                C: \(answer)
                B: *
                R: 501 cancelled
                S: 421 4.7.0 stop sid=SID
                B: QUIT
                ! closed
                """)
    }

    @Test func `a refusal of a good login closes the backend connection and leaves no login`() {
        let rule = Rule("late", at: .authReply, when: .always, .reject(ReplyTemplate(535, "5.7.8 not you")))
        let stage = StageSetting.submission {
            $0.policies.insert(PolicyDefinition(name: "x", rules: [rule], otherwise: .accept), at: 0)
        }
        Rehearsed(stage).play(
            Opening.tls + "C: AUTH PLAIN AGNhcm9sAHNlY3JldA==\n" + backend + """
                B: AUTH PLAIN AGNhcm9sAHNlY3JldA==
                R: 235 ok
                S: 535 5.7.8 not you sid=SID
                ! aborted
                C: MAIL FROM:<a@b.test>
                S: 530 5.7.0 Authentication required sid=SID
                """)
    }

    @Test func `a connection that fails is 454 to AUTH and the session stays`() {
        Rehearsed(.submission()).play(
            Opening.tls + """
                ! refuse
                C: AUTH PLAIN AGNhcm9sAHNlY3JldA==
                S: 454 4.7.0 Temporary authentication failure
                C: NOOP
                S: 250 2.0.0 Ok
                """)
    }

    @Test func `a backend lost while the client answers a challenge takes the answer, then says 454 once`() {
        Rehearsed(.submission()).play(
            Opening.tls + "C: AUTH LOGIN Y2Fyb2w=\n" + backend + """
                B: AUTH LOGIN
                R: 334 VXNlcm5hbWU6
                B: Y2Fyb2w=
                R: 334 UGFzc3dvcmQ6
                S: 334 UGFzc3dvcmQ6
                ! backend-ends
                C: c2VjcmV0
                S: 454 4.7.0 Temporary authentication failure
                C: NOOP
                S: 250 2.0.0 Ok
                """)
    }

    @Test func `once an authenticated connection is lost the next command is 421 and the session ends`() {
        Rehearsed(.submission()).play(
            Opening.login + """
                ! backend-ends
                ! open
                C: NOOP
                S: 421 4.3.0 mx.example.org Error: mail server connection lost
                ! closed
                """)
        Rehearsed(.submission()).play(
            Opening.login + """
                ! backend-ends
                C: QUIT
                S: 221 2.0.0 Bye
                ! closed
                """)
    }

    @Test func `a message in flight gets its due reply before the 421`() {
        Rehearsed(.submission()).play(
            Opening.login + """
                C: MAIL FROM:<a@b.test>
                C: RCPT TO:<x@y.test>
                C: DATA
                S: 250 2.1.0 Ok
                B: MAIL FROM:<a@b.test>
                B: RCPT TO:<x@y.test>
                R: 250 a
                R: 250 b
                S: 250 b
                B: DATA
                R: 354 go
                S: 354 go
                ! backend-ends
                C: x
                C: .
                S: 451 4.3.0 Error: mail server temporarily unavailable
                C: RSET
                S: 421 4.3.0 mx.example.org Error: mail server connection lost
                ! closed
                """)
    }

    @Test func `mechanisms that the backend lacks are 504, and one that it had promised 454`() {
        Rehearsed(.submission()).play(
            Opening.tls + "C: AUTH XOAUTH2 \(base64("user=carol\u{1}auth=Bearer t\u{1}\u{1}"))\n" + backend
                + "S: 504 5.5.4 Error: authentication mechanism not available")
        let session = Rehearsed(.submission { $0.servers.append(endpoint("127.0.0.1", 2)) })
        session.table.succeeded(0, capabilities: .plain)
        session.play(
            Opening.tls.replacing("S: 250-ENHANCED", with: "S: 250-AUTH PLAIN\nS: 250-ENHANCED")
                + "C: AUTH PLAIN AGNhcm9sAHNlY3JldA==\n" + Opening.backend("PIPELINING")
                + "S: 454 4.7.0 Temporary authentication failure")
    }

    @Test func `AUTH is offered only inside TLS and with the backend's mechanisms`() {
        let session = Rehearsed(.submission())
        session.table.succeeded(0, capabilities: .plain)
        session.play(Opening.ehlo)
        let secure = Rehearsed(.submission())
        secure.table.succeeded(0, capabilities: .plain)
        secure.play(Opening.tls.replacing("S: 250-ENHANCED", with: "S: 250-AUTH PLAIN\nS: 250-ENHANCED"))
    }

    @Test func `a client that leaves inside an exchange does not make the backend read QUIT as its answer`() {
        Rehearsed(.submission()).play(
            Opening.tls + "C: AUTH LOGIN Y2Fyb2w=\n" + backend + """
                B: AUTH LOGIN
                R: 334 VXNlcm5hbWU6
                B: Y2Fyb2w=
                R: 334 UGFzc3dvcmQ6
                S: 334 UGFzc3dvcmQ6
                ! client-ends
                ! aborted
                ! finished
                """)
    }

    @Test func `PLAIN for another identity is refused without the backend`() {
        Rehearsed(.submission()).play(
            Opening.tls + """
                C: AUTH PLAIN \(base64("dave\u{0}carol\u{0}secret"))
                S: 535 5.7.8 Error: authorization identity not permitted
                ! unconnected
                """)
    }
}
