import Bytes
import Enforcement
import Policy
import SMTPWire
import Testing

/// Rules that do not decide, and rules that look into the message.
struct EffectTests {
    @Test func `A delay holds one reply back, a tarpit every later one`() {
        let rules = [
            Rule("slow", at: .helo, .delay(5 * seconds)), Rule("pit", at: .mail, .tarpit(2 * seconds)),
        ]
        var stage = StageSetting()
        stage.policies.insert(PolicyDefinition(name: "x", rules: rules, otherwise: .accept), at: 0)
        Rehearsed(stage).play(
            """
            S: 220 mx.example.org ESMTP
            C: EHLO laptop
            ! wait 4
            ! wait 1
            \(Opening.offer)
            C: NOOP
            S: 250 2.0.0 Ok
            C: MAIL FROM:<a@sender.test>
            ! wait 1
            ! wait 1
            S: 250 2.1.0 Ok
            C: NOOP
            C: NOOP
            ! wait 2
            S: 250 2.0.0 Ok
            ! wait 2
            S: 250 2.0.0 Ok
            C: QUIT
            ! open
            ! wait 2
            S: 221 2.0.0 Bye
            ! closed
            """)
    }

    @Test func `A tag is in the session's facts, its reports and later rules`() {
        let tagged = Expression(.inWords(.text("odd"), .sessionTags))
        let rehearsed = Rehearsed(
            .with(
                Rule("tag", at: .helo, .tag("odd")),
                Rule("no", at: .mail, when: tagged, .reject(ReplyTemplate(550, "5.7.1 {session.tags}")))))
        rehearsed.play(
            Opening.ehlo + """
                C: MAIL FROM:<a@sender.test>
                S: 550 5.7.1 odd sid=SID
                C: QUIT
                S: 221 2.0.0 Bye
                """)
        let tags = rehearsed.reports.compactMap { report -> [String]? in
            if case .disconnected(let summary) = report { summary.tags } else { nil }
        }
        #expect(tags == [["odd"]])
    }

    @Test func `A ban is asked for by an enforced rule`() {
        let rehearsed = Rehearsed(
            .with(Rule("no", at: .mail, .drop(ReplyTemplate(421, "4.7.0 bye")), ban: Ban(duration: 60 * seconds))))
        rehearsed.play(Opening.ehlo + "C: MAIL FROM:<a@sender.test>\nS: 421 4.7.0 bye sid=SID\n! closed")
        let bans = rehearsed.reports.filter { if case .banned = $0 { true } else { false } }
        #expect(bans.count == 1)
    }

    @Test func `Recipients wait for each other where a rule counts the refused ones`() {
        let few = Expression(.compare(.greaterOrEqual, .field(.rcptRejected), Expression(.literal(.int(1)))))
        Rehearsed(.with(Rule("few", at: .rcpt, when: few, .drop(ReplyTemplate(421, "4.7.1 too many unknown"))))).play(
            Opening.ehlo + Opening.mail + """
                C: RCPT TO:<bob@example.com>
                C: RCPT TO:<ben@example.com>

                """ + Opening.backend("PIPELINING") + """
                    B: MAIL FROM:<a@sender.test>
                    B: RCPT TO:<bob@example.com>
                    R: 250 2.1.0 sender
                    R: 550 5.1.1 nobody
                    S: 550 5.1.1 nobody
                    S: 421 4.7.1 too many unknown sid=SID
                    B: QUIT
                    ! closed
                    """)
    }

    @Test func `A refused connection is closed ten seconds after its greeting, whatever is said meanwhile`() {
        Rehearsed(.with(Rule("shut", at: .connect, .reject(ReplyTemplate(554, "5.7.1 no"))))).play(
            """
            S: 554 5.7.1 no sid=SID
            ! wait 6
            C: EHLO laptop
            S: 503 5.5.1 Error: connection was refused, send QUIT
            ! wait 4
            S: 421 4.4.2 mx.example.org Error: timeout exceeded
            ! closed
            """)
    }

    @Test(arguments: [
        ("From: Carol <Carol@Example.org>", "carol@example.org 1"), ("From: carol@example.org", "carol@example.org 1"),
        ("from : \"a, b\" (x <y@z>) <carol@example.org>", "carol@example.org 1"),
        ("From: a@example.org, b@example.org", " 1"), ("From: group: a@example.org;", " 1"),
        ("From: <a@example.org> <b@example.org>", " 1"), ("From: a@example.org\r\nFROM: b@example.org", " 2"),
        ("To: x@example.org", " 0"), ("From:\r\n carol\r\n <carol@example.org>", "carol@example.org 1"),
        ("From: <@relay:carol@example.org>", " 1"), ("From: a@[IPv6:2001:db8::1]", "a@[ipv6:2001:db8::1] 1"),
        ("X: 1\r\n\r\nFrom: body@example.org", " 0"), ("no field\r\nFrom: carol@example.org", "carol@example.org 1"),
    ])
    func `Rules know the only mailbox of the only From field`(header: String, expected: String) {
        let show = Rule(
            "show", at: .message,
            .reject(ReplyTemplate(550, "5.7.1 {message.from_header.address} {message.from_header.count}")))
        for (whole, chunked) in [(true, false), (false, false), (true, true)] {
            let rehearsed = Rehearsed(.with(show))
            rehearsed.play(chunked ? Opening.recipient() : Opening.data)
            if !whole { rehearsed.segment = 1 }
            let content = octets(header + "\r\nSubject: x\r\n\r\nbody\r\n")
            rehearsed.clientSends(
                chunked ? octets("BDAT \(content.count) LAST\r\n") + content : content + octets(".\r\n"))
            if chunked { rehearsed.backendSends(octets("250 2.0.0 chunk\r\n")) }
            let said = String(decoding: rehearsed.clientWire, as: UTF8.self)
            #expect(said == "550 5.7.1 \(expected) sid=SID\r\n")
        }
    }

    @Test func `Rules know subject, hops and the longest line, dots undone`() {
        let show = Rule(
            "show", at: .message,
            .reject(ReplyTemplate(550, "5.7.1 {message.subject}|{message.received_count}|{message.line_max}")))
        let rehearsed = Rehearsed(.with(show))
        rehearsed.play(Opening.data)
        rehearsed.clientSends(
            octets("Received: a\r\nReceived: b\r\nSubject: long\r\n\tline\r\n\r\nshort\r\n..2345678901234567\r\n.\r\n"))
        let said = String(decoding: rehearsed.clientWire, as: UTF8.self)
        #expect(said == "550 5.7.1 long\\x09line|2|17 sid=SID\r\n")
    }

    @Test func `Where bare line feeds are for rules to judge, a rule sees them`() {
        let bare = Rule(
            "bare", at: .message, when: .field(.messageHasBareLF), .reject(ReplyTemplate(550, "5.6.0 bare")))
        let rehearsed = Rehearsed(.with(bare) { $0.limits.bareNewline = .policy })
        rehearsed.play(Opening.data)
        rehearsed.clientSends(octets("a\nb\r\n.\r\n"))
        #expect(String(decoding: rehearsed.clientWire, as: UTF8.self) == "550 5.6.0 bare sid=SID\r\n")
    }

    @Test func `A running session takes the new rules at its next MAIL and no sooner`() {
        let rehearsed = Rehearsed()
        rehearsed.play(Opening.ehlo + Opening.mail)
        rehearsed.stage.policies = [
            PolicyDefinition(name: "shut", rules: [], otherwise: .reject(ReplyTemplate(550, "5.7.1 shut")))
        ]
        rehearsed.source.current = rehearsed.stage.context
        rehearsed.play(
            """
            C: RCPT TO:<bob@elsewhere.test>
            S: 554 5.7.1 <bob@elsewhere.test>: Relay access denied sid=SID
            C: RSET
            S: 250 2.0.0 Ok
            C: MAIL FROM:<a@sender.test>
            S: 550 5.7.1 shut sid=SID
            """)
    }
}
