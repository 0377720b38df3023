// What clients say.

import Enforcement

struct ClientScript {
    var steps: [Step] = []
    var needsLogin: Bool
    var needsTLS: Bool
    var offersTLS: Bool

    init(_ numbers: inout Numbers, _ setting: Setting) {
        needsLogin = setting.isSubmission
        needsTLS = setting.isSubmission
        offersTLS = setting.tls == .starttls
        if setting.isValidClient {
            valid(&numbers)
        } else {
            hostile(&numbers)
        }
    }

    // MARK: Valid

    private mutating func valid(_ numbers: inout Numbers) {
        steps.append(.line("EHLO client.example"))
        if offersTLS, needsTLS || numbers.once(in: 2) { steps += [.startTLS, .line("EHLO client.example")] }
        if needsLogin { steps.append(login(&numbers)) }
        for _ in 0..<(1 + numbers.below(3)) {
            message(&numbers)
            if numbers.once(in: 6) { steps.append(.line("NOOP")) }
        }
        steps.append(.line("QUIT"))
    }

    private func login(_ numbers: inout Numbers) -> Step {
        switch numbers.below(4) {
        case 0: .login("AUTH PLAIN AGNhcm9sAHNlY3JldA==", answers: [])
        case 1: .login("AUTH PLAIN", answers: ["AGNhcm9sAHNlY3JldA=="])
        case 2: .login("AUTH LOGIN", answers: ["Y2Fyb2w=", "c2VjcmV0"])
        case _: .login("AUTH LOGIN Y2Fyb2w=", answers: ["c2VjcmV0"])
        }
    }

    private mutating func message(_ numbers: inout Numbers) {
        let recipients = (0..<(1 + numbers.below(4))).map { "RCPT TO:<user\($0).\(numbers.below(1000))@example.com>" }
        let envelope = ["MAIL FROM:<sender@client.example>"] + recipients
        let isChunked = numbers.once(in: 3)
        if isChunked {
            steps.append(numbers.once(in: 2) ? .group(envelope) : .line(envelope[0]))
            if case .line = steps[steps.count - 1] { steps += recipients.map(Step.line) }
            steps += [.chunks(chunks(&numbers), together: numbers.once(in: 2))]
        } else {
            steps += numbers.once(in: 2) ? [.group(envelope + ["DATA"])] : (envelope + ["DATA"]).map(Step.line)
            steps.append(.content(stuffed(&numbers)))
        }
        steps.append(.recover)
    }

    private func body(_ numbers: inout Numbers) -> [UInt8] {
        var body = octets("Message-ID: <\(numbers.next())>\r\n\r\n")
        let lines = numbers.once(in: 200) ? 3000 : numbers.below(12)
        for _ in 0..<lines {
            body += octets(
                numbers.pick(["hello", "", ".", "..", ".x", "From me", String(repeating: "y", count: 70)], else: ""))
            body += [0x0D, 0x0A]
        }
        return body
    }

    private func stuffed(_ numbers: inout Numbers) -> [UInt8] {
        var sent: [UInt8] = []
        var isLineStart = true
        for octet in body(&numbers) {
            if isLineStart, octet == 0x2E { sent.append(octet) }
            sent.append(octet)
            isLineStart = octet == 0x0A
        }
        return sent + octets(".\r\n")
    }

    private func chunks(_ numbers: inout Numbers) -> [[UInt8]] {
        var rest = body(&numbers)
        if numbers.once(in: 3) { rest.removeLast(2) }
        var chunks: [[UInt8]] = []
        while rest.count > 1, numbers.below(3) > 0 {
            let count = 1 + numbers.below(rest.count)
            chunks.append(Array(rest.prefix(count)))
            rest.removeFirst(count)
        }
        return chunks + [rest]
    }

    // MARK: Hostile

    private static let phrases = [
        "EHLO evil", "HELO evil", "EHLO", "NOOP", "RSET", "VRFY x", "EXPN x", "HELP", "FOO", "STARTTLS", "QUIT x",
        "MAIL FROM:<a@b.example>", "MAIL FROM:<>", "MAIL FROM:<a@b.example> SIZE=1 BODY=8BITMIME", "MAIL FROM:<a b>",
        "MAIL FROM:<a@b.example> SIZE=99999999999", "mail from:<x@y.example> SMTPUTF8", "RCPT TO:<bob@example.com>",
        "RCPT TO:<bob@foreign.example>", "RCPT TO:<bob%foreign.example@example.com>", "RCPT TO:<postmaster>",
        "RCPT TO:<@relay.example:bob@example.com>", "RCPT TO:<\"a@b\"@example.com>", "RCPT TO:<f!u@example.com>",
        "RCPT TO:<bob@example.com> NOTIFY=NEVER", "rcpt to:<Eve@EXAMPLE.com>", "DATA", "DATA x", "BDAT 0 LAST",
        "BDAT 0",
        "BDAT 5 LAST", "BDAT x", "BDAT 99999999999999999999", "AUTH PLAIN AGNhcm9sAHNlY3JldA==", "AUTH LOGIN",
        "AUTH PLAIN =",
        "AUTH CRAM-MD5", "AUTH XFOO", "*", "Y2Fyb2w=", ".", "Subject: x", "GET / HTTP/1.1",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2",
        "BDAT 20 LAST\r\n0123456789012345678\n", "BDAT 4\r\nab\r", "BDAT 3\r\nabc", "", "  ", "text\rtext",
        "text\ntext", "a\u{0}b",
        ".\r\nMAIL FROM:<smuggled@evil.example>", "\n.\r", "\r\n.\n", "\n.\n", "x\r\n.\r\n", "XCLIENT ADDR=1.2.3.4",
    ]

    private mutating func hostile(_ numbers: inout Numbers) {
        for _ in 0..<(4 + numbers.below(30)) {
            switch numbers.below(14) {
            case 0: message(&numbers)
            case 1: steps.append(.raw((0..<numbers.below(40)).map { _ in UInt8(numbers.below(256)) }))
            case 2: steps.append(.raw([UInt8](repeating: 0x41, count: numbers.below(5000)) + [0x0D, 0x0A]))
            case 3: steps += [.line("EHLO evil"), .line("MAIL FROM:<a@b.example>"), .line("RCPT TO:<bob@example.com>")]
            case 4 where offersTLS: steps += [.startTLS, .line("EHLO evil")]
            case 5: steps.append(login(&numbers))
            case _: steps.append(.line(numbers.pick(Self.phrases, else: "NOOP")))
            }
        }
        if numbers.once(in: 2) { steps.append(.line("QUIT")) }
    }
}
