import Bytes
import Foundation
import Operations
import Reactor
import SMTPWire
import Testing

@Suite("The mail sink")
struct MailSinkTests {
    @Test("It offers what a proxy needs, and no TLS")
    func offer() throws {
        let sink = try TestSink()
        defer { sink.stop() }
        let reply = try sink.client().command("EHLO mx.example.net")
        #expect(
            reply.text == """
                sink.test
                PIPELINING
                SIZE 1048576
                AUTH PLAIN LOGIN
                ENHANCEDSTATUSCODES
                8BITMIME
                SMTPUTF8
                DSN
                CHUNKING
                XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT
                """)
    }

    @Test("A message after DATA is kept without its dot-stuffing and with its envelope")
    func data() throws {
        let sink = try TestSink()
        defer { sink.stop() }
        let client = try sink.client()
        let codes = try client.codes(
            "EHLO mx.example.net", "MAIL FROM:<a@elsewhere.example> SIZE=10", "RCPT TO:<bob@example.org>",
            "RCPT TO:<postmaster>", "DATA")
        #expect(codes == [250, 250, 250, 250, 354])
        let end = try client.command("Subject: x\r\n\r\n..\r\n..dot\r\nno .dot\r\n.")
        #expect(end == Reply(250, "2.0.0 Ok: queued as 0001"))
        let quit = try client.command("QUIT")
        #expect(quit.code == 221)
        let isClosed = try client.isClosed()
        #expect(isClosed)
        let message = try #require(sink.messages.first)
        #expect(String(decoding: message.content, as: UTF8.self) == "Subject: x\r\n\r\n.\r\n.dot\r\nno .dot\r\n")
        #expect(message.sender == "a@elsewhere.example")
        #expect(message.recipients == ["bob@example.org", "postmaster"])
        #expect(message.helo == "mx.example.net")
        #expect(message.login == nil)
        #expect(message.client.hasPrefix("127.0.0.1:"))
        #expect(sink.sink.messagesTaken == 1)
    }

    @Test("A message in chunks is kept as it came, and an empty last chunk ends it")
    func chunks() throws {
        let sink = try TestSink()
        defer { sink.stop() }
        let client = try sink.client()
        let text = """
            EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nBDAT 7\r\n.\r\nab\r\nBDAT 3\r\n.\r\nBDAT 0 LAST\r\nNOOP\r\n
            """
        let codes = try client.codes(sending: text, count: 7)
        #expect(codes == [250, 250, 250, 250, 250, 250, 250])
        #expect(sink.messages.map(\.content) == [Array(".\r\nab\r\n.\r\n".utf8)])
        #expect(sink.messages.map(\.sender) == [""])
    }

    @Test("Chunks without a transaction are swallowed and refused")
    func refusedChunks() throws {
        let sink = try TestSink()
        defer { sink.stop() }
        let codes = try sink.client().codes(sending: "EHLO x\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", count: 3)
        #expect(codes == [250, 503, 250])
        #expect(sink.messages.isEmpty)
    }

    @Test("Commands and content in one write, cut anywhere, are answered in order", arguments: [1, 2, 3, 7, 50])
    func cuts(size: Int) throws {
        let sink = try TestSink()
        defer { sink.stop() }
        let client = try sink.client()
        let transaction = "MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n..x\r\n.\r\n"
        let bytes = Array(("EHLO x\r\n" + transaction + transaction + "QUIT\r\n").utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            try client.send(Array(bytes[start..<min(start + size, bytes.count)]))
        }
        let codes = try (0..<10).map { _ in try client.reply().code }
        #expect(codes == [250, 250, 250, 354, 250, 250, 250, 354, 250, 221])
        #expect(sink.messages.map(\.content) == [Array(".x\r\n".utf8), Array(".x\r\n".utf8)])
    }

    @Test("Strangers may not relay, not even with the null sender")
    func relaying() throws {
        let sink = try TestSink()
        defer { sink.stop() }
        let codes = try sink.client().codes(
            "EHLO x", "MAIL FROM:<>", "RCPT TO:<a@elsewhere.example>", "DATA", "RCPT TO:<bob@EXAMPLE.org>")
        #expect(codes == [250, 250, 554, 554, 250])
    }

    @Test("Content that is too long or has a bare line feed is refused at its end, and the session goes on")
    func refusedContent() throws {
        let sink = try TestSink(maxMessageSize: 100)
        defer { sink.stop() }
        let client = try sink.client()
        let begin = "MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"
        let long = begin + String(repeating: "0123456789\r\n", count: 20) + ".\r\n"
        let smuggled = begin + "a\n.\r\nMAIL FROM:<x@y.example>\r\n.\r\n"
        let codes = try client.codes(sending: "EHLO x\r\n" + long + smuggled + "NOOP\r\n", count: 10)
        #expect(codes == [250, 250, 250, 354, 552, 250, 250, 354, 550, 250])
        #expect(sink.messages.isEmpty)
    }

    @Test("A message that announces too many octets is refused at MAIL")
    func announcedSize() throws {
        let sink = try TestSink(maxMessageSize: 100)
        defer { sink.stop() }
        let codes = try sink.client().codes("EHLO x", "MAIL FROM:<> SIZE=101", "MAIL FROM:<> SIZE=100")
        #expect(codes == [250, 552, 250])
    }

    @Test("Messages are written one a file, and files that are there are left alone")
    func files() throws {
        let folder = try TemporaryFolder()
        try "old".write(toFile: folder.path + "/0001.eml", atomically: true, encoding: .utf8)
        var options = MailSinkOptions()
        options.domains = ["example.org"]
        options.storage = .folder(folder.path)
        let sink = try MailSink(options)
        defer { sink.stop() }
        let client = try SMTPClient(to: sink.endpoint)
        let port = try #require(client.localEndpoint?.port)
        let codes = try client.codes(
            sending: "EHLO h\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nhi\r\n.\r\n", count: 6)
        #expect(codes == [220, 250, 250, 250, 354, 250])
        let text = try String(contentsOfFile: folder.path + "/0002.eml", encoding: .utf8)
        #expect(
            text == """
                Return-Path: <a@b.example>\r
                Delivered-To: bob@example.org\r
                X-Client: 127.0.0.1:\(port)\r
                X-Helo: h\r
                hi\r\n
                """)
        #expect(try String(contentsOfFile: folder.path + "/0001.eml", encoding: .utf8) == "old")
    }

    @Test("Stopping closes open connections")
    func stopping() throws {
        let sink = try TestSink()
        defer { sink.stop() }
        let client = try sink.client()
        sink.sink.stop()
        sink.sink.stop()
        let isClosed = try client.isClosed()
        #expect(isClosed)
    }
}
