import Bytes
import Policy
import Testing

@testable import Telemetry

@Suite("Lines in Postfix's words")
struct PostfixFormatterTests {
    @Test("A connection is logged with its confirmed name, else as unknown")
    func connections() {
        #expect(postfix(.connected) == "connect from unknown[203.0.113.7]")
        let named = session(name: "mail.example.net", address: "2001:db8::1")
        #expect(postfix(.connected, named) == "connect from mail.example.net[2001:db8::1]")
    }

    @Test("A handshake says how far the client's certificate is trusted, and the cipher's bits")
    func handshakes() {
        var tls = strongTLS
        let end =
            "TLS connection established from unknown[203.0.113.7]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"
        #expect(postfix(.tlsEstablished(tls)) == "Anonymous \(end)")
        tls.clientCertificate = ClientCertificateFacts(isVerified: false, subject: "CN=x", fingerprint: "ab")
        #expect(postfix(.tlsEstablished(tls)) == "Untrusted \(end)")
        tls.clientCertificate?.isVerified = true
        #expect(postfix(.tlsEstablished(tls)) == "Trusted \(end)")
        let odd = TLSFacts(version: .tls12, cipher: "NEW")
        #expect(
            postfix(.tlsEstablished(odd))
                == "Anonymous TLS connection established from unknown[203.0.113.7]: TLSv1.2 with cipher NEW")
    }

    @Test(
        "The bits of a cipher are read off its name",
        arguments: [
            ("TLS_CHACHA20_POLY1305_SHA256", 256, 256), ("ECDHE-RSA-AES128-GCM-SHA256", 128, 128),
            ("ECDHE-ECDSA-AES256-GCM-SHA384", 256, 256), ("DES-CBC3-SHA", 112, 168),
        ])
    func bits(cipher: String, used: Int, algorithm: Int) {
        let bits = CipherBits(cipher: cipher)
        #expect(bits?.used == used)
        #expect(bits?.algorithm == algorithm)
    }

    @Test("A failed handshake is Postfix's SSL_accept error")
    func failedHandshake() {
        #expect(
            postfix(.tlsFailed(reason: "no shared cipher"))
                == "SSL_accept error from unknown[203.0.113.7]: no shared cipher")
    }

    @Test("A refusal is reject, a monitored one reject_warning, the backend's own backend-reject")
    func refusals() {
        let rest = """
            RCPT from unknown[203.0.113.7]: 554 5.7.1 <bob@example.org>: Relay access denied; \
            from=<a@spam.test> to=<bob@example.org> proto=ESMTP helo=<x> rule=inbound/no-relay sid=4ZbQ1x7kzq
            """
        #expect(postfix(.refused(relayDenied())) == "NOQUEUE: reject: \(rest)")
        #expect(postfix(.refused(relayDenied(mode: .monitor))) == "NOQUEUE: reject_warning: \(rest)")
        #expect(postfix(.backendRefused(relayDenied())) == "NOQUEUE: backend-reject: \(rest)")
    }

    @Test("A refusal before EHLO and MAIL has no envelope and no helo")
    func earlyRefusal() {
        var identity = session(helo: "")
        identity.protocolName = "SMTP"
        let refusal = RefusalReport(
            command: "CONNECT", stage: .connect, reply: ReplyText(421, "4.7.0 Too many sessions"),
            rule: .builtIn("max_sessions"), closes: true)
        #expect(
            postfix(.refused(refusal), identity) == """
                NOQUEUE: reject: CONNECT from unknown[203.0.113.7]: 421 4.7.0 <unknown[203.0.113.7]>: Too many sessions; \
                proto=SMTP rule=protocol/max_sessions sid=4ZbQ1x7kzq
                """)
        #expect(postfix(.refused(relayDenied(sender: ""))).contains("; from=<> to=<bob@example.org> "))
    }

    @Test("A reason without a subject gets the one that Postfix names; a backend's reply stays as it was")
    func subjects() {
        var refusal = relayDenied()
        refusal.reply = ReplyText(450, "4.7.1 Try later")
        #expect(postfix(.refused(refusal)).contains(": 450 4.7.1 <bob@example.org>: Try later; from=<"))
        #expect(postfix(.backendRefused(refusal)).contains(": 450 4.7.1 Try later; from=<"))
        refusal.recipient = Array("a> b".utf8)
        #expect(postfix(.refused(refusal)).contains(#": 450 4.7.1 <a\x3E\x20b>: Try later; from=<"#))
        refusal.reply = ReplyText(550, "Try later")
        refusal.command = "DATA"
        #expect(postfix(.refused(refusal)).contains(": 550 <DATA>: Try later; from=<"))
        refusal.command = "MAIL"
        #expect(postfix(.refused(refusal)).contains(": 550 Try later; from=<"))
        refusal.command = "RCPT"
        refusal.reply = ReplyText(554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked")
        #expect(
            postfix(.refused(refusal)).contains(": 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked; "))
    }

    @Test("Accepted commands and successful logins are no lines")
    func silence() {
        #expect(postfix(.accepted(stage: .rcpt, rule: .defaultRule(of: "inbound"), policyHash: "0f")).isEmpty)
        #expect(postfix(.authenticationSucceeded(login(.ok, ReplyText(235, "2.7.0 ok")))).isEmpty)
    }

    @Test("A failed login names its reason and its name, and does not blame the client for our faults")
    func failedLogins() {
        let failed = login(.badCredentials, ReplyText(535, "5.7.8 Error: authentication failed: wrong password"))
        #expect(
            postfix(.authenticationFailed(failed)) == """
                warning: unknown[203.0.113.7]: SASL LOGIN authentication failed: wrong password, sasl_username=carol
                """)
        let bare = login(.badCredentials, ReplyText(535, "5.7.8 "))
        #expect(postfix(.authenticationFailed(bare)).contains("authentication failed: authentication failure, "))
        let temporary = login(.temporary, ReplyText(454, "4.7.0 Temporary authentication failure"))
        #expect(
            postfix(.authenticationFailed(temporary)) == """
                warning: unknown[203.0.113.7]: SASL LOGIN authentication failed: \
                Connection lost to authentication server, sasl_username=carol
                """)
        var cancelled = login(.cancelled, ReplyText(501, "5.7.0 Authentication aborted"), mechanism: "PLAIN")
        cancelled.login = nil
        #expect(
            postfix(.authenticationFailed(cancelled))
                == "warning: unknown[203.0.113.7]: SASL PLAIN authentication aborted")
    }

    @Test("A message that was taken has its own id and the backend's")
    func message() {
        #expect(
            postfix(.messageTaken(sentMessage())) == """
                4ZbQ1x7kzq1: client=unknown[203.0.113.7], sasl_method=PLAIN, sasl_username=alice, \
                queued_as=E7C4FF7C432, relay=127.0.0.1:10587, delay=0.21, from=<alice@example.org>, size=1234, nrcpt=2, \
                status=sent (250 2.0.0 Ok: queued as E7C4FF7C432) sid=4ZbQ1x7kzq
                """)
    }

    @Test("A message that the backend refused at its end does not count as received")
    func refusedMessage() {
        #expect(
            postfix(.messageTaken(sentMessage(ReplyText(550, "5.7.1 Spam")))) == """
                4ZbQ1x7kzq1: backend-reject: END-OF-MESSAGE from unknown[203.0.113.7]: 550 5.7.1 Spam; \
                from=<alice@example.org> proto=ESMTP helo=<x> size=1234 nrcpt=2 relay=127.0.0.1:10587 delay=0.21 \
                sid=4ZbQ1x7kzq
                """)
    }

    @Test("The ends of sessions end with the client, as fail2ban wants them")
    func ends() {
        #expect(postfix(.lostConnection(after: "AUTH")) == "lost connection after AUTH from unknown[203.0.113.7]")
        #expect(postfix(.timedOut(after: "DATA")) == "timeout after DATA from unknown[203.0.113.7]")
        #expect(postfix(.tooManyErrors(after: "RCPT")) == "too many errors after RCPT from unknown[203.0.113.7]")
    }

    @Test("A disconnect counts the commands")
    func disconnect() {
        #expect(
            postfix(.disconnected(wholeSession)) == """
                disconnect from unknown[203.0.113.7] ehlo=2 starttls=1 auth=0/1 mail=1 rcpt=0/1 quit=1 commands=5/7 \
                sid=4ZbQ1x7kzq
                """)
        let silent = SessionSummary(
            counts: [], messages: 0, duration: 0, bytesIn: 0, bytesOut: 0, tls: nil, user: nil)
        #expect(
            postfix(.disconnected(silent)) == "disconnect from unknown[203.0.113.7] commands=0 sid=4ZbQ1x7kzq")
    }

    @Test("Violations of the protocol and faults of the backend are warnings")
    func warnings() {
        #expect(
            postfix(.protocolViolation(kind: "bare LF", during: "DATA"))
                == "warning: unknown[203.0.113.7]: protocol violation: bare LF, during=DATA sid=4ZbQ1x7kzq")
        #expect(
            postfix(.protocolViolation(kind: "pipelining", during: "HELO"))
                == "improper command pipelining after HELO from unknown[203.0.113.7]")
        #expect(
            postfix(.backendFault(server: "127.0.0.1:10025", reason: "connection refused")) == """
                warning: backend 127.0.0.1:10025: connection refused, client=unknown[203.0.113.7] sid=4ZbQ1x7kzq
                """)
        #expect(PostfixFormatter().line(session(), .backendFault(server: "", reason: ""))?.severity == .warning)
        #expect(PostfixFormatter().line(session(), .connected)?.severity == .info)
    }

    @Test(
        "A message's id is its session's and one character, two from the 62nd on",
        arguments: [(1, "s1"), (9, "s9"), (10, "sa"), (61, "sZ"), (62, "s10"), (100, "s1C"), (-1, "s0")])
    func identifiers(number: Int, id: String) {
        #expect(messageID(sid: "s", number: number) == id)
    }
}
