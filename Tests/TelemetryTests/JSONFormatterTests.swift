import Bytes
import Foundation
import Policy
import Testing

@testable import Telemetry

@Suite("Lines as JSON")
struct JSONFormatterTests {
    private func head(_ action: String, _ outcome: String, level: String = "info") -> String {
        """
        {"@timestamp":"2026-11-21T19:38:25.123Z","log.level":"\(level)","event.action":"\(action)",\
        "event.outcome":"\(outcome)","source.ip":"203.0.113.7","source.port":40000,"smtp.sid":"4ZbQ1x7kzq",\
        "smtp.listener":"mx","smtp.helo":"x","smtp.protocol":"ESMTP"
        """
    }

    private let strongTLSText = """
        "tls.version":"TLSv1.3","tls.cipher":"TLS_AES_256_GCM_SHA384","tls.resumed":false,\
        "tls.client.server_name":"mail.example.org"
        """

    @Test("Connections and handshakes are no objects of their own")
    func silence() {
        #expect(json(.connected).isEmpty)
        #expect(json(.tlsEstablished(strongTLS)).isEmpty)
    }

    @Test("An accepted command names its stage and its rule")
    func accepted() {
        #expect(
            json(.accepted(stage: .rcpt, rule: RuleID(policy: "inbound", rule: "ours"), policyHash: "0123456789abcdef"))
                == """
                \(head("accepted", "success")),"smtp.stage":"rcpt","rule.name":"inbound/ours","rule.ruleset":"inbound",\
                "rule.version":"0123456789abcdef"}
                """)
    }

    @Test("Refusals of ours, of monitored rules and of the backend differ in action and outcome")
    func refusals() {
        func rest(_ mode: String) -> String {
            """
            "smtp.command":"RCPT","smtp.stage":"rcpt","rule.name":"inbound/no-relay","rule.ruleset":"inbound",\
            "smtp.mode":"\(mode)","smtp.reply.code":554,"smtp.reply.text":"5.7.1 <bob@example.org>: Relay access denied",\
            "smtp.from":"a@spam.test","smtp.to":"bob@example.org","smtp.closes":false}
            """
        }
        #expect(json(.refused(relayDenied())) == "\(head("refused", "failure")),\(rest("enforce"))")
        #expect(
            json(.refused(relayDenied(mode: .monitor))) == "\(head("would-refuse", "unknown")),\(rest("monitor"))")
        #expect(json(.backendRefused(relayDenied())) == "\(head("backend-refused", "failure")),\(rest("enforce"))")
    }

    @Test("A login names who tried, how and with what result")
    func logins() {
        #expect(
            json(.authenticationSucceeded(login(.ok, ReplyText(235, "2.7.0 ok")))) == """
                \(head("login", "success")),"user.name":"carol","smtp.auth.mechanism":"LOGIN","smtp.auth.result":"ok",\
                "smtp.reply.code":235,"smtp.reply.text":"2.7.0 ok"}
                """)
        #expect(
            json(.authenticationFailed(login(.badCredentials, ReplyText(535, "5.7.8 no")))) == """
                \(head("login", "failure", level: "warn")),"user.name":"carol","smtp.auth.mechanism":"LOGIN",\
                "smtp.auth.result":"bad_credentials","smtp.reply.code":535,"smtp.reply.text":"5.7.8 no"}
                """)
    }

    @Test("A message has the ids of both servers, and fails when the backend refused its end")
    func message() {
        func rest(_ queue: String, _ reply: String) -> String {
            """
            "user.name":"alice","smtp.message.id":"4ZbQ1x7kzq1","smtp.from":"alice@example.org","smtp.recipients":2,\
            "smtp.size":1234,"smtp.auth.mechanism":"PLAIN",\(queue)"smtp.relay":"127.0.0.1:10587",\(reply),\
            "event.duration":214000000}
            """
        }
        let queued = #""smtp.reply.code":250,"smtp.reply.text":"2.0.0 Ok: queued as E7C4FF7C432""#
        #expect(
            json(.messageTaken(sentMessage()))
                == "\(head("message", "success")),\(rest(#""smtp.queue_id":"E7C4FF7C432","#, queued))")
        let spam = #""smtp.reply.code":550,"smtp.reply.text":"5.7.1 Spam""#
        #expect(
            json(.messageTaken(sentMessage(ReplyText(550, "5.7.1 Spam"))))
                == "\(head("message", "failure")),\(rest("", spam))")
    }

    @Test("The end of a session sums it up")
    func sessionEnd() {
        #expect(
            json(.disconnected(wholeSession)) == """
                \(head("session-end", "success")),\(strongTLSText),"event.duration":1500000000,"source.bytes":321,\
                "destination.bytes":654,"smtp.messages":0,\
                "smtp.commands":"ehlo=2 starttls=1 auth=0/1 mail=1 rcpt=0/1 quit=1 commands=5/7"}
                """)
    }

    @Test("What the session has learnt stands in each of its objects")
    func learnt() {
        var identity = session(name: "c.example.net")
        identity.tls = strongTLS
        identity.tls?.clientCertificate = ClientCertificateFacts(isVerified: true, subject: "CN=c", fingerprint: "ab01")
        identity.user = Array("alice".utf8)
        let line = json(.accepted(stage: .mail, rule: .defaultRule(of: "submission"), policyHash: ""), identity)
        #expect(line.contains(#""source.domain":"c.example.net""#))
        #expect(
            line.contains(
                """
                \(strongTLSText),"tls.client.subject":"CN=c","tls.client.hash.sha256":"AB01","tls.client.verified":true,\
                "user.name":"alice"
                """))
    }

    @Test("Faults and early ends are objects too")
    func faults() {
        #expect(
            json(.tlsFailed(reason: "no shared cipher"))
                == #"\#(head("tls-failed", "failure")),"event.reason":"no shared cipher"}"#)
        #expect(
            json(.protocolViolation(kind: "bare LF", during: "DATA"))
                == #"\#(head("protocol-violation", "failure", level: "warn")),"event.reason":"bare LF","smtp.command":"DATA"}"#
        )
        #expect(
            json(.backendFault(server: "127.0.0.1:25", reason: "gone"))
                == #"\#(head("backend-fault", "failure", level: "warn")),"event.reason":"gone","smtp.relay":"127.0.0.1:25"}"#
        )
        #expect(
            json(.lostConnection(after: "AUTH"))
                == #"\#(head("lost-connection", "failure")),"smtp.command":"AUTH"}"#)
        #expect(json(.timedOut(after: "DATA")) == #"\#(head("timeout", "failure")),"smtp.command":"DATA"}"#)
        #expect(
            json(.tooManyErrors(after: "RCPT"))
                == #"\#(head("too-many-errors", "failure")),"smtp.command":"RCPT"}"#)
    }

    @Test("Whatever a peer sends, the line is one valid object with the same members")
    func hostileValues() throws {
        let every = Array(UInt8.min...UInt8.max)
        let hostile: [[UInt8]] = [
            Array("\",\"smtp.mode\":\"x\r\n{}\\".utf8), every, Array("é\u{202E}\u{2028}\u{0}".utf8), [0xC3], [],
            [UInt8](repeating: 0xF0, count: 100_000),
        ]
        let names = try members(of: json(.refused(relayDenied()))).keys.sorted()
        for bytes in hostile {
            var refusal = relayDenied()
            (refusal.sender, refusal.recipient) = (bytes, bytes)
            let line = json(.refused(refusal), session(helo: "h" + String(decoding: bytes, as: UTF8.self)))
            #expect(try members(of: line).keys.sorted() == names)
            #expect(!line.utf8.contains { $0 < 0x20 || $0 == 0x7F })
            #expect(line.utf8.count < 8192)
        }
    }

    @Test("A quote, a backslash and a control are escaped and come back")
    func escapes() throws {
        var refusal = relayDenied()
        refusal.sender = Array("\"a\\b\"\t@é.test".utf8)
        let from = try members(of: json(.refused(refusal)))["smtp.from"] as? String
        #expect(from == "\"a\\b\"\t@é.test")
    }

    private func members(of line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
}
