import Bytes
import Operations
import SMTPWire
import Testing

@Suite("Who the mail sink believes its client to be")
struct MailSinkIdentityTests {
    private func plain(_ name: String, _ password: String) -> String {
        String(decoding: Base64.encode(Array("\0\(name)\0\(password)".utf8)), as: UTF8.self)
    }

    private func base64(_ text: String) -> String {
        String(decoding: Base64.encode(Array(text.utf8)), as: UTF8.self)
    }

    @Test("PLAIN and LOGIN, with and without an initial response, let the right password in")
    func logins() throws {
        let sink = try TestSink()
        defer { sink.stop() }
        let plain = plain("alice", "secret")
        for dialogue in [
            [("AUTH PLAIN \(plain)", 235)], [("AUTH PLAIN", 334), (plain, 235)],
            [("AUTH LOGIN", 334), (base64("alice"), 334), (base64("secret"), 235)],
            [("AUTH LOGIN \(base64("alice"))", 334), (base64("secret"), 235)],
        ] {
            let client = try sink.client()
            _ = try client.command("EHLO x")
            for (line, code) in dialogue {
                let reply = try client.command(line)
                #expect(Int(reply.code) == code, "\(line)")
            }
            let codes = try client.codes("AUTH PLAIN \(plain)", "MAIL FROM:<>", "RCPT TO:<a@elsewhere.example>")
            #expect(codes == [503, 250, 250])
        }
    }

    @Test("A wrong password, a cancelled or malformed exchange and an unknown mechanism let nobody in")
    func failures() throws {
        let sink = try TestSink()
        defer { sink.stop() }
        let client = try sink.client()
        let codes = try client.codes(
            "AUTH PLAIN \(plain("alice", "secret"))", "EHLO x", "AUTH PLAIN \(plain("alice", "Secret"))",
            "AUTH PLAIN \(plain("", ""))", "AUTH PLAIN =", "AUTH LOGIN", "*", "AUTH LOGIN", "%", "AUTH CRAM-MD5",
            "MAIL FROM:<>", "RCPT TO:<a@elsewhere.example>")
        #expect(codes == [503, 250, 535, 535, 501, 334, 501, 334, 501, 504, 250, 554])
    }

    @Test("XCLIENT begins the session again and names its client, and its LOGIN may relay")
    func xclient() throws {
        let sink = try TestSink()
        defer { sink.stop() }
        let client = try sink.client()
        let attributes = "NAME=[UNAVAILABLE] ADDR=203.0.113.7 PORT=40000 HELO=h PROTO=ESMTP LOGIN=carol+2Bx"
        let codes = try client.codes(
            "EHLO proxy", "XCLIENT \(attributes)", "MAIL FROM:<>", "EHLO them", "MAIL FROM:<c@example.org>",
            "RCPT TO:<a@elsewhere.example>", "XCLIENT ADDR=192.0.2.1", "DATA")
        #expect(codes == [250, 220, 503, 250, 250, 250, 503, 354])
        _ = try client.command("x\r\n.")
        let message = try #require(sink.messages.first)
        #expect(message.client == "203.0.113.7:40000")
        #expect(message.helo == "them")
        #expect(message.login == "carol+x")
    }

    @Test("XCLIENT takes IPv6 addresses and forgets an earlier login")
    func xclientV6() throws {
        let sink = try TestSink()
        defer { sink.stop() }
        let client = try sink.client()
        let codes = try client.codes(
            "EHLO x", "AUTH PLAIN \(plain("alice", "secret"))",
            "XCLIENT ADDR=IPV6:2001:db8::1 PORT=25 LOGIN=[UNAVAILABLE]",
            "EHLO x", "MAIL FROM:<>", "RCPT TO:<a@elsewhere.example>", "RCPT TO:<bob@example.org>", "DATA")
        #expect(codes == [250, 235, 220, 250, 250, 554, 250, 354])
        _ = try client.command("x\r\n.")
        #expect(sink.messages.map(\.client) == ["[2001:db8::1]:25"])
    }

    @Test(
        "A malformed XCLIENT is refused",
        arguments: [
            "XCLIENT", "XCLIENT ADDR", "XCLIENT ADDR=here", "XCLIENT PORT=70000", "XCLIENT SHOE=42",
            "XCLIENT LOGIN=+zz",
        ])
    func malformed(line: String) throws {
        let sink = try TestSink()
        defer { sink.stop() }
        let client = try sink.client()
        let reply = try client.command(line)
        #expect(reply.code == 501)
    }
}
