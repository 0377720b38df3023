import Enforcement
import Policy
import Testing

@Suite struct ContentTests {
    /// The whole session as one stream, cut at one place or everywhere, with a backend that answers at once.
    private let stream = octets(
        "EHLO laptop\r\nMAIL FROM:<a@sender.test>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n"
            + "Subject: x\r\n\r\n..dots\r\n...\r\n.\r\nNOOP\r\nQUIT\r\n")

    private func exchange(_ segment: Int, cutAt cut: Int?) -> (client: [UInt8], backend: [UInt8]) {
        let session = Rehearsed()
        var backend = PoliteBackend()
        session.segment = segment
        let pieces = cut.map { [Array(stream[..<$0]), Array(stream[$0...])] } ?? [stream]
        for piece in pieces {
            session.clientSends(piece)
            backend.serve(session)
        }
        return (session.clientWire, backend.heard)
    }

    @Test func `a session gives the same replies and backend bytes however it is cut`() {
        let whole = exchange(.max, cutAt: nil)
        #expect(String(decoding: whole.client, as: UTF8.self).hasSuffix("250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n"))
        let bytewise = exchange(1, cutAt: nil)
        #expect(whole == bytewise)
        for cut in 1..<stream.count {
            let halves = exchange(.max, cutAt: cut)
            #expect(halves == whole, "cut at \(cut)")
        }
    }

    @Test func `bare newlines are read to the true end and refused, and the backend never gets the end`() {
        for bad in ["a\nb", "a\rb", "a\u{0}b"] {
            let session = Rehearsed()
            session.play(Opening.data)
            session.clientSends(octets("x\r\n\(bad)\r\nMAIL FROM:<evil@x.test>\r\n.\r\n"))
            #expect(session.aborts == 1)
            session.backendWire = []
            session.play(
                """
                S: 550 5.5.2 Error: bare <CR>, bare <LF> or <NUL> received
                C: NOOP
                S: 250 2.0.0 Ok
                """)
        }
    }

    @Test func `with normalize a bare newline is mended and dot-stuffed again`() {
        let session = Rehearsed(.inbound { $0.limits.bareNewline = .normalize })
        session.play(Opening.data)
        session.clientSends(octets("a\n.\nb\r..c\r\n.\r\n"))
        session.play(
            """
            B: a
            B: ..
            B: b
            B: ..c
            B: .
            R: 250 ok
            S: 250 ok
            """)
    }

    @Test func `with normalize a NUL refuses the message and no line of its rest becomes a command`() {
        let session = Rehearsed(.inbound { $0.limits.bareNewline = .normalize })
        session.play(Opening.data)
        session.clientSends(octets("abc\u{0}.\r\nMAIL FROM:<evil@x.test>\r\n"))
        session.backendWire = []
        session.play("")
        session.clientSends(octets(".\r\n"))
        session.play("S: 550 5.5.2 Error: bare <CR>, bare <LF> or <NUL> received")
    }

    @Test func `a fault in mended content is read to the same end`() {
        for (before, after) in [
            ("abc", ".\r\nx\r\n.\r\n"), ("abc\r\n.\r", "\n"), ("abc\r\n", ".\r\n"), ("a\n", ".\r\n\r\n.\r\n"),
        ] {
            let session = Rehearsed(.inbound { $0.limits.bareNewline = .normalize })
            session.play(Opening.data)
            session.clientSends(octets(before))
            session.event { $0.backendEnded(now: $1) }
            session.backendWire = []
            session.clientSends(octets(after))
            session.play("S: 451 4.3.0 Error: mail server temporarily unavailable")
        }
    }

    @Test func `the size limit counts content and holds for the last block too`() {
        for (size, passes) in [(100, true), (101, false)] {
            let session = Rehearsed(.inbound { $0.limits.maxMessageSize = 100 })
            session.play(Opening.data.replacing("SIZE 52428800", with: "SIZE 100"))
            session.clientSends(octets("..\r\n" + String(repeating: "x", count: size - 5) + "\r\n.\r\n"))
            session.backendWire = []
            if passes {
                session.play("R: 250 ok\nS: 250 ok")
            } else {
                session.play("S: 552 5.3.4 Error: message size exceeds limit\nC: NOOP\nS: 250 2.0.0 Ok")
                #expect(session.aborts == 1)
            }
        }
    }

    @Test func `a message that goes on far beyond the limit closes the connection`() {
        let session = Rehearsed(
            .inbound {
                $0.limits.maxMessageSize = 100
                $0.limits.maxSizeExcess = 100
            })
        session.play(Opening.data.replacing("SIZE 52428800", with: "SIZE 100"))
        session.clientSends(octets(String(repeating: "x", count: 202)))
        session.backendWire = []
        session.play("S: 552 5.3.4 Error: message size exceeds limit\n! closed\n! finished")
    }

    @Test func `MAIL with a declared size above the limit is refused`() {
        Rehearsed(.inbound { $0.limits.maxMessageSize = 100 }).play(
            Opening.ehlo.replacing("SIZE 52428800", with: "SIZE 100") + """
                C: MAIL FROM:<a@b.test> SIZE=101
                S: 552 5.3.4 Error: message size exceeds limit
                """)
    }

    @Test func `a rule at stage message refuses DATA without giving the backend its end`() {
        let rule = Rule("late", at: .message, when: .always, .reject(ReplyTemplate(550, "5.7.1 no")))
        let session = Rehearsed(.with(rule))
        session.play(
            Opening.data + """
                C: x
                B: x
                C: .
                S: 550 5.7.1 no sid=SID
                ! aborted
                C: NOOP
                S: 250 2.0.0 Ok
                """)
    }

    @Test func `content waits while the backend is behind, and goes on without loss`() {
        let session = Rehearsed()
        session.play(Opening.data)
        session.backendReads = false
        let line = octets(String(repeating: "y", count: 998) + "\r\n")
        var sent = 0
        while session.wantsClientInput, sent < 1000 {
            session.clientSends(line)
            sent += 1
        }
        #expect(sent < 100)
        #expect(session.queuedForBackend <= 64 * 1024 + 1000)
        session.advance(100 * seconds)
        #expect(!session.isClientClosed)
        session.backendReads = true
        session.settle()
        session.clientSends(octets(".\r\n"))
        #expect(session.backendWire.count == sent * 1000 + 3)
        session.backendWire = []
        session.play("R: 250 ok\nS: 250 ok")
    }

    @Test func `a backend lost while content is held lets the client go on to its end`() {
        let session = Rehearsed()
        session.play(Opening.data)
        session.backendReads = false
        let line = octets(String(repeating: "y", count: 998) + "\r\n")
        while session.wantsClientInput { session.clientSends(line) }
        session.event { $0.backendEnded(now: $1) }
        #expect(session.wantsClientInput)
        #expect(session.deadline < .max)
        session.backendReads = true
        session.clientSends(octets(".\r\n"))
        session.backendWire = []
        session.play("S: 451 4.3.0 Error: mail server temporarily unavailable")
    }
}

/// A backend that says yes to everything.
struct PoliteBackend {
    var heard: [UInt8] = []
    private var unread: [UInt8] = []
    private var isInData = false
    private var isGreeted = false

    mutating func serve(_ session: Rehearsed) {
        while true {
            if !session.connects.isEmpty, !isGreeted {
                isGreeted = true
                session.backendSends(octets("220 be\r\n"))
            }
            unread += session.backendWire
            heard += session.backendWire
            session.backendWire = []
            guard let end = unread.firstIndex(of: 0x0A) else { return }
            let line = String(decoding: unread[...end], as: UTF8.self)
            unread.removeFirst(end + 1)
            if let reply = answer(line) { session.backendSends(octets(reply + "\r\n")) }
        }
    }

    private mutating func answer(_ line: String) -> String? {
        if isInData {
            guard line == ".\r\n" else { return nil }
            isInData = false
            return "250 taken"
        }
        if line.hasPrefix("EHLO") { return "250-be\r\n250-CHUNKING\r\n250 PIPELINING" }
        isInData = line == "DATA\r\n"
        return isInData ? "354 go" : "250 ok"
    }
}
