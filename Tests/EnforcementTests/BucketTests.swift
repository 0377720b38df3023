import Bytes
import Enforcement
import Policy
import Testing

/// Limits in conversations: what counts, what comes back, and what the client is told.
struct BucketTests {
    private func limit(_ counts: LimitDefinition.Counting = .attempted, burst: UInt64 = 2) -> LimitDefinition {
        LimitDefinition(
            name: "net", key: [.clientNet], count: 1, period: 18 * seconds, burst: burst, counts: counts)
    }

    private func stage(_ limit: LimitDefinition, _ rules: Rule...) -> StageSetting {
        StageSetting.inbound {
            $0.policies.insert(
                PolicyDefinition(name: "extra", limits: [limit], rules: rules, otherwise: .accept), at: 0)
        }
    }

    private let burst = Rule(
        "burst", at: .mail, over: ["net"], .defer(ReplyTemplate(450, "4.7.1 retry in {limit.retry_after}")))

    @Test func `A burst passes, the next is deferred, and one more passes when the time is over`() {
        Rehearsed(stage(limit(), burst)).play(
            Opening.ehlo + Opening.mail + """
                C: RSET
                S: 250 2.0.0 Ok
                C: MAIL FROM:<a@sender.test>
                S: 250 2.1.0 Ok
                C: RSET
                S: 250 2.0.0 Ok
                C: MAIL FROM:<a@sender.test>
                S: 450 4.7.1 retry in 18s sid=SID
                ! wait 18
                C: MAIL FROM:<a@sender.test>
                S: 250 2.1.0 Ok
                """)
    }

    @Test func `A recipient that the backend refuses is given back where only the accepted count`() {
        let rule = Rule("rcpts", at: .rcpt, over: ["net"], .defer(ReplyTemplate(450, "4.7.1 enough")))
        Rehearsed(stage(limit(.accepted, burst: 1), rule)).play(
            Opening.ehlo + Opening.mail + "C: RCPT TO:<bob@example.com>\n" + Opening.backend("PIPELINING") + """
                B: MAIL FROM:<a@sender.test>
                B: RCPT TO:<bob@example.com>
                R: 250 2.1.0 sender
                R: 550 5.1.1 nobody
                S: 550 5.1.1 nobody
                C: RCPT TO:<ben@example.com>
                B: RCPT TO:<ben@example.com>
                R: 250 2.1.5 ben
                S: 250 2.1.5 ben
                C: RCPT TO:<bea@example.com>
                S: 450 4.7.1 enough sid=SID
                """)
    }

    @Test func `A recipient that a later rule refuses is given back, one that merely was attempted is not`() {
        let rules = [
            Rule("rcpts", at: .rcpt, over: ["net"], .defer(ReplyTemplate(450, "4.7.1 enough"))),
            Rule(
                "not-eve", at: .rcpt, when: .equal(.rcptLocal, .text("eve")),
                .reject(ReplyTemplate(550, "5.7.1 not eve"))),
        ]
        for (counts, last) in [
            (LimitDefinition.Counting.accepted, "550 5.7.1 not eve"), (.attempted, "450 4.7.1 enough"),
        ] {
            let setting = StageSetting.inbound {
                $0.policies.insert(
                    PolicyDefinition(name: "x", limits: [limit(counts, burst: 1)], rules: rules, otherwise: .accept),
                    at: 0)
            }
            Rehearsed(setting).play(
                Opening.ehlo + Opening.mail + """
                    C: RCPT TO:<eve@example.com>
                    S: 550 5.7.1 not eve sid=SID
                    C: RCPT TO:<eve@example.com>
                    S: \(last) sid=SID
                    """)
        }
    }

    @Test func `Messages that the backend refuses at their end are given back`() {
        let rule = Rule("messages", at: .data, over: ["net"], .defer(ReplyTemplate(450, "4.7.1 enough")))
        let rehearsed = Rehearsed(stage(limit(.accepted, burst: 1), rule))
        rehearsed.play(
            Opening.data + """
                C: hello
                C: .
                B: hello
                B: .
                R: 554 5.6.0 bad content
                S: 554 5.6.0 bad content
                C: MAIL FROM:<a@sender.test>
                S: 250 2.1.0 Ok
                C: RCPT TO:<bob@example.com>
                B: MAIL FROM:<a@sender.test>
                B: RCPT TO:<bob@example.com>
                R: 250 2.1.0 sender
                R: 250 2.1.5 bob
                S: 250 2.1.5 bob
                C: DATA
                B: DATA
                R: 354 go
                S: 354 go
                """)
    }

    @Test func `EHLO asks whether AUTH would pass and charges nothing for it`() {
        let limit = LimitDefinition(name: "auth", key: [.clientNet], count: 1, period: 60 * seconds, burst: 1)
        let rule = Rule("few", at: .auth, over: ["auth"], .defer(ReplyTemplate(454, "4.7.0 later")))
        let stage = StageSetting.submission {
            $0.policies.insert(PolicyDefinition(name: "x", limits: [limit], rules: [rule], otherwise: .accept), at: 0)
            $0.tls = .implicit
        }
        let rehearsed = Rehearsed(stage)
        rehearsed.play(
            """
            ! client-tls
            S: 220 mx.example.org ESMTP
            C: EHLO laptop
            \(Opening.offer.split(separator: "\n").filter { !$0.contains("STARTTLS") }.joined(separator: "\n"))
            C: EHLO laptop
            \(Opening.offer.split(separator: "\n").filter { !$0.contains("STARTTLS") }.joined(separator: "\n"))
            C: AUTH PLAIN
            S: 334 
            C: *
            S: 501 5.7.0 Authentication cancelled
            C: AUTH PLAIN
            S: 454 4.7.0 later sid=SID
            """)
    }
}
