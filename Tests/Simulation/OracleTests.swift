import Testing

/// The oracle can fail: each promise, broken on purpose, is seen.
@Suite struct OracleTests {
    /// A session whose client sends and is told lines, with one backend connection.
    private struct Bench {
        let oracle: Oracle
        let backend: BackendWire

        init(_ change: (inout Promise) -> Void = { _ in }) {
            var promise = Promise()
            change(&promise)
            oracle = Oracle(promise)
            backend = BackendWire(oracle, expectsProxyHeader: false)
            oracle.clientTold(octets("220 mx\r\n"))
        }

        func client(_ line: String, _ replies: String...) {
            oracle.clientDelivered(octets(line + "\r\n"))
            for reply in replies { oracle.clientTold(octets(reply + "\r\n")) }
        }

        func server(_ bytes: String, _ code: Int, _ text: String) {
            _ = backend.heard(octets(bytes))
            backend.said(code, text)
        }

        /// Up to 354, honestly.
        func data() {
            client("MAIL FROM:<a@b>", "250 ok")
            server("MAIL FROM:<a@b>\r\n", 250, "m")
            client("RCPT TO:<c@d>")
            server("RCPT TO:<c@d>\r\n", 250, "r")
            oracle.clientTold(octets("250 r\r\n"))
            server("DATA\r\n", 354, "go")
            client("DATA", "354 go")
        }
    }

    private func expect(_ violation: String, _ bench: Bench) {
        let found = bench.oracle.violation ?? "nothing"
        #expect(found.contains(violation), "\(found)")
    }

    @Test func `an honest session is no violation`() {
        let bench = Bench()
        bench.oracle.clientDelivered(octets("RCPT TO:<c@d>\r\n"))
        bench.oracle.clientTold(octets("503 no\r\n"))
        bench.data()
        bench.server("..x\r\n.\r\n", 250, "taken")
        bench.client("..x\r\n.", "250 taken")
        bench.server("QUIT\r\n", 221, "bye")
        bench.client("QUIT", "221 bye")
        #expect(bench.oracle.violation == nil)
        #expect(bench.oracle.seen.messages == 1)
    }

    @Test func `a 250 to a message that the backend did not take is seen`() {
        let refused = Bench()
        refused.data()
        refused.server("x\r\n.\r\n", 451, "later")
        refused.client("x\r\n.", "250 later")
        expect("did not take", refused)
        let early = Bench()
        early.data()
        early.client("x", "250 taken")
        expect("before the end of data", early)
        let chunk = Bench()
        chunk.client("BDAT 2 LAST\r\n", "250 ok")
        expect("did not take", chunk)
    }

    @Test func `one 250 of the backend confirms one message only`() {
        let bench = Bench()
        bench.data()
        bench.server("x\r\n.\r\n", 250, "taken")
        bench.client("x\r\n.", "250 taken")
        bench.data()
        bench.client("x\r\n.", "250 taken")
        expect("did not take", bench)
    }

    @Test func `another body at the backend is seen`() {
        let bench = Bench()
        bench.data()
        bench.server("y\r\n.\r\n", 250, "taken")
        bench.client("x\r\n.", "250 taken")
        expect("another message", bench)
    }

    @Test func `a 354 that the backend did not give is seen`() {
        let bench = Bench()
        bench.client("DATA", "354 go")
        expect("354 that", bench)
    }

    @Test func `a recipient that the backend did not take, or another one's reply, is seen`() {
        let invented = Bench()
        invented.client("RCPT TO:<c@d>", "250 r")
        expect("did not give", invented)
        let swapped = Bench()
        swapped.oracle.clientDelivered(octets("RCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n"))
        swapped.server("RCPT TO:<e@f>\r\n", 250, "r")
        swapped.oracle.clientTold(octets("250 r\r\n"))
        expect("was given to", swapped)
    }

    @Test func `a login that the backend did not take is seen`() {
        let bench = Bench()
        bench.client("AUTH PLAIN AA==", "235 in")
        expect("235 that", bench)
    }

    @Test func `replies that are too many, too few, too early or out of order are seen`() {
        let many = Bench()
        many.client("NOOP", "250 ok", "250 ok")
        expect("answers no command", many)
        let few = Bench()
        few.client("NOOP")
        few.oracle.expectNothingDue()
        expect("has no reply", few)
        let unended = Bench()
        unended.data()
        unended.client("x\r\n.")
        unended.oracle.expectNothingDue()
        expect("end of data has no reply", unended)
        let order = Bench()
        order.client("NOOP\r\nQUIT", "221 bye")
        expect("221", order)
        let after = Bench()
        after.client("QUIT\r\nNOOP", "221 bye", "250 ok")
        expect("after the last", after)
        let malformed = Bench()
        malformed.client("NOOP", "what")
        expect("not a reply", malformed)
    }

    @Test func `a 5xx for a fault is seen`() {
        let bench = Bench { $0.isFlawless = true }
        bench.client("RCPT TO:<c@d>", "550 no")
        expect("fault that is not the client's", bench)
    }

    @Test func `MAIL at the backend without TLS or login is seen`() {
        let clear = Bench { $0.needsTLS = true }
        clear.server("MAIL FROM:<a@b>\r\n", 250, "m")
        expect("without TLS", clear)
        let anonymous = Bench { $0.needsLogin = true }
        anonymous.server("MAIL FROM:<a@b>\r\n", 250, "m")
        expect("without a login", anonymous)
    }

    @Test func `a login on another connection does not count`() {
        let bench = Bench { $0.needsLogin = true }
        bench.server("AUTH PLAIN AA==\r\n", 235, "in")
        let second = BackendWire(bench.oracle, expectsProxyHeader: false)
        _ = second.heard(octets("MAIL FROM:<a@b>\r\n"))
        expect("without a login", bench)
    }

    @Test func `recipients that the policy refuses or nobody asked for are seen`() {
        let unasked = Bench()
        unasked.server("RCPT TO:<x@y>\r\n", 250, "r")
        expect("nobody asked for", unasked)
        for address in ["x@foreign", "x%foreign@d"] {
            let bench = Bench { $0.domain = "d" }
            bench.client("RCPT TO:<\(address)>")
            bench.server("RCPT TO:<\(address)>\r\n", 250, "r")
            expect("policy refuses", bench)
        }
    }

    @Test func `illegal octets, foreign commands and commands before their time are seen at the backend`() {
        for (bytes, what) in [
            ("NO\nOP\r\n", "control"), ("NO\nOP", "bare newline"), ("FOO\r\n", "not a command"),
            ("mail from:<a@b>\r\n", "not a command"),
            ("RSET\r\nRSET\r\n", "before the reply"), ("QUIT\r\nRSET\r\n", "behind QUIT"), ("RS\u{1}ET\r\n", "control"),
        ] {
            let bench = Bench()
            _ = bench.backend.heard(octets(bytes))
            expect(what, bench)
        }
        for body in ["a\nb\r\n.\r\n", "a\rb\r\n.\r\n", "a\u{0}\r\n.\r\n", "\n.\n\r\n.\r\n"] {
            let bench = Bench()
            bench.data()
            _ = bench.backend.heard(octets(body))
            expect("bare newline in content", bench)
        }
        let twice = Bench()
        twice.data()
        _ = twice.backend.heard(octets("x\r\n.\r\nrest\r\n.\r\n"))
        expect("before the reply", twice)
        let chunk = Bench()
        _ = chunk.backend.heard(octets("BDAT 2 LAST\r\na\r"))
        expect("bare newline in chunks", chunk)
    }

    @Test func `TLS over octets in clear, or unasked, is seen`() {
        let behind = Bench()
        behind.client("STARTTLS\r\nEHLO evil", "220 go")
        behind.oracle.clientSecured()
        expect("in clear", behind)
        let unasked = Bench()
        unasked.oracle.clientSecured()
        expect("without 220", unasked)
    }
}
