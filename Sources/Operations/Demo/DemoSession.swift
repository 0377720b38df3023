import Bytes
import SMTPWire

/// One session that the demonstration plays.
struct DemoSession: Sendable {
    enum Security: Sendable {
        case none
        case startTLS
        case implicit
    }

    let port: DemoPort
    let security: Security
    let title: String
    /// Sent one after the other behind EHLO, each when the one before was answered; a refusal ends the session.
    let lines: [String]
    /// The code that ends it when all is well.
    let expected: UInt16

    private init(_ port: DemoPort, _ security: Security, _ title: String, _ lines: [String], expect code: UInt16) {
        self.port = port
        self.security = security
        self.title = title
        self.lines = lines
        expected = code
    }
}

extension DemoSession {
    /// What an attacker, a misconfigured client and two good ones do.
    static let all = [
        DemoSession(.submission, .none, "MAIL before STARTTLS", [mailFromAlice], expect: 530),
        DemoSession(.submission, .none, "AUTH before STARTTLS", [login("secret")], expect: 538),
        DemoSession(.submission, .startTLS, "MAIL without a login", [mailFromAlice], expect: 530),
        DemoSession(.submission, .startTLS, "a wrong password", [login("Secret")], expect: 535),
        DemoSession(.submission, .startTLS, "a login and a message", submission("587"), expect: 250),
        DemoSession(.submissions, .implicit, "the same with TLS from the start", submission("465"), expect: 250),
        DemoSession(
            .alternate, .none, "MAIL injected behind STARTTLS", ["STARTTLS\r\nMAIL FROM:<mallory@example.net>"],
            expect: 554),
        DemoSession(
            .inbound, .none, "a stranger relays", [mailFromStranger, "RCPT TO:<victim@elsewhere.example>"],
            expect: 554),
        DemoSession(
            .inbound, .none, "a stranger claims an identity", ["XCLIENT ADDR=192.0.2.1 LOGIN=alice"], expect: 500),
        DemoSession(.inbound, .none, "a message smuggled in another", smuggling, expect: 550),
        DemoSession(.inbound, .startTLS, "mail for our domain", inbound, expect: 250),
    ]

    private static let mailFromAlice = "MAIL FROM:<alice@\(DemoPlace.domain)>"
    private static let mailFromStranger = "MAIL FROM:<stranger@elsewhere.example>"

    private static func login(_ password: String) -> String {
        let response = Base64.encode(Array("\0\(DemoPlace.user.name)\0\(password)".utf8))
        return "AUTH PLAIN " + String(decoding: response, as: UTF8.self)
    }

    private static func submission(_ port: String) -> [String] {
        let text = "From: alice@\(DemoPlace.domain)\r\nSubject: by port \(port)\r\n\r\nHello Bob\r\n."
        return [login(DemoPlace.user.password), mailFromAlice, "RCPT TO:<bob@elsewhere.example>", "DATA", text]
    }

    private static let inbound = [
        mailFromStranger, "RCPT TO:<alice@\(DemoPlace.domain)>", "DATA",
        "From: stranger@elsewhere.example\r\nSubject: from outside\r\n\r\nHello Alice\r\n.",
    ]

    /// A lone LF before the dot: to some servers the end of the message, and what follows a second one.
    private static let smuggling = [
        mailFromStranger, "RCPT TO:<alice@\(DemoPlace.domain)>", "DATA",
        """
        Subject: harmless\r\n\r\nHello\n.\r\nMAIL FROM:<ceo@\(DemoPlace.domain)>\r\nRCPT TO:<alice@\(DemoPlace.domain)>\r\n\
        DATA\r\nSubject: urgent\r\n\r\nPay this\r\n.
        """,
    ]
}

// MARK: Playing

/// How a session went.
struct DemoResult: Sendable {
    let session: DemoSession
    /// The last reply; nil if there was none.
    var reply: Reply?
    /// Why it ended early.
    var failure: SMTPClientError?
    /// By which its decisions are found in the log.
    var clientPort: UInt16?

    var isAsExpected: Bool { failure == nil && reply?.code == session.expected }
}

extension DemoSession {
    /// Plays the session against the listener that `base` puts on loopback.
    func play(base: UInt16) -> DemoResult {
        var result = DemoResult(session: self)
        do throws(SMTPClientError) {
            let endpoint = Endpoint(address: IPAddress(v4: 0x7F00_0001), port: port.number(base))
            let client = try SMTPClient(to: endpoint)
            defer { client.close() }
            result.clientPort = client.localEndpoint?.port
            try play(with: client, &result)
        } catch {
            result.failure = error
        }
        return result
    }

    private func play(with client: SMTPClient, _ result: inout DemoResult) throws(SMTPClientError) {
        let hello = "EHLO client.example"
        if security == .implicit { _ = try client.startTLS(serverName: DemoPlace.hostname) }
        result.reply = try client.reply()
        result.reply = try client.command(hello)
        if security == .startTLS {
            result.reply = try client.command("STARTTLS")
            _ = try client.startTLS(serverName: DemoPlace.hostname)
            result.reply = try client.command(hello)
        }
        for line in lines {
            let reply = try client.command(line)
            result.reply = reply
            if reply.code >= 400 { return }
        }
        _ = try client.command("QUIT")
    }
}
