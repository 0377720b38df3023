import Bytes
import Policy

@testable import Telemetry

/// 2026-11-21T19:38:25.123Z.
let moment = WallTime(nanoseconds: 1_795_289_905_123_456_789)

func client(_ address: String = "203.0.113.7", port: UInt16 = 40_000) -> Endpoint {
    Endpoint(address: IPAddress(address) ?? IPAddress(v4: 0), port: port)
}

func session(helo: String = "x", name: String? = nil, address: String = "203.0.113.7") -> SessionIdentity {
    SessionIdentity(
        sid: "4ZbQ1x7kzq", listener: "mx", client: client(address), clientName: name, helo: helo, protocolName: "ESMTP")
}

func relayDenied(mode: Mode = .enforce, sender: String = "a@spam.test") -> RefusalReport {
    RefusalReport(
        command: "RCPT", stage: .rcpt, reply: ReplyText(554, "5.7.1 <bob@example.org>: Relay access denied"),
        rule: RuleID(policy: "inbound", rule: "no-relay"), mode: mode, sender: Array(sender.utf8),
        recipient: Array("bob@example.org".utf8))
}

func login(_ result: AuthResult, _ reply: ReplyText, mechanism: String = "LOGIN") -> AuthenticationReport {
    AuthenticationReport(mechanism: mechanism, login: Array("carol".utf8), result: result, reply: reply)
}

func sentMessage(_ reply: ReplyText = ReplyText(250, "2.0.0 Ok: queued as E7C4FF7C432")) -> MessageReport {
    MessageReport(
        number: 1, sender: Array("alice@example.org".utf8), recipients: 2, size: 1234, reply: reply,
        queueID: reply.code == 250 ? "E7C4FF7C432" : nil, relay: "127.0.0.1:10587", delay: 214_000_000,
        user: Array("alice".utf8), mechanism: "PLAIN")
}

let strongTLS = TLSFacts(version: .tls13, cipher: "TLS_AES_256_GCM_SHA384", serverName: "mail.example.org")

let wholeSession = SessionSummary(
    counts: [
        .init(command: "ehlo", succeeded: 2, total: 2), .init(command: "starttls", succeeded: 1, total: 1),
        .init(command: "auth", succeeded: 0, total: 1), .init(command: "mail", succeeded: 1, total: 1),
        .init(command: "rcpt", succeeded: 0, total: 1), .init(command: "quit", succeeded: 1, total: 1),
    ], messages: 0, duration: 1_500_000_000, bytesIn: 321, bytesOut: 654, tls: strongTLS, user: nil)

/// The line in format `postfix`; empty if there is none.
func postfix(_ report: SessionReport, _ identity: SessionIdentity = session()) -> String {
    String(decoding: PostfixFormatter().line(identity, report)?.bytes ?? [], as: UTF8.self)
}

/// The line in format `json`; empty if there is none.
func json(_ report: SessionReport, _ identity: SessionIdentity = session()) -> String {
    String(decoding: JSONFormatter().line(identity, report, at: moment)?.bytes ?? [], as: UTF8.self)
}
