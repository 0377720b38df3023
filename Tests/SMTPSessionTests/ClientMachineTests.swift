import Policy
import SMTPSession
import SMTPWire
import Testing

/// Every state against every verb.
@Suite struct ClientMachineTests {
    private enum State: CaseIterable {
        case fresh, helo, ehlo, authenticated, mail, recipients, content, lost, secured
    }

    private static let commands = [
        "EHLO x", "HELO x", "STARTTLS", "AUTH PLAIN AGEAYg==", "MAIL FROM:<a@b>", "RCPT TO:<a@b>", "DATA", "BDAT 3",
        "RSET", "NOOP", "QUIT", "VRFY x", "EXPN x", "HELP",
    ]

    /// The code of the refusal of each command, 0 where the policy is asked or the command just done.
    private static let expected: [State: [Int]] = [
        .fresh: [0, 0, 0, 503, 503, 503, 503, 503, 0, 0, 0, 0, 502, 0],
        .helo: [0, 0, 0, 503, 0, 503, 503, 503, 0, 0, 0, 0, 502, 0],
        .ehlo: [0, 0, 0, 0, 0, 503, 503, 503, 0, 0, 0, 0, 502, 0],
        .authenticated: [0, 0, 0, 503, 0, 503, 503, 503, 0, 0, 0, 0, 502, 0],
        .mail: [0, 0, 0, 503, 503, 0, 503, 503, 0, 0, 0, 0, 502, 0],
        .recipients: [0, 0, 0, 503, 503, 0, 0, 0, 0, 0, 0, 0, 502, 0],
        .content: [0, 0, 0, 503, 503, 503, 503, 0, 0, 0, 0, 0, 502, 0],
        .lost: [0, 0, 0, 503, 503, 0, 451, 451, 0, 0, 0, 0, 502, 0],
        .secured: [0, 0, 554, 503, 503, 503, 503, 503, 0, 0, 0, 0, 502, 0],
    ]

    private func enter(_ state: State, _ machine: inout ClientMachine) {
        guard let name = HeloName(octets("x")) else { return }
        if state == .fresh { return }
        if state == .secured {
            machine.startTLS()
            machine.tlsEstablished(tlsFacts)
            return
        }
        machine.greeted(as: name, isExtended: state != .helo)
        if state == .helo || state == .ehlo { return }
        if state == .authenticated {
            machine.beginAuthentication()
            machine.authenticationEnded(user: [0x61], mechanism: "PLAIN")
            return
        }
        machine.beginTransaction(MailCommand(sender: nil), decision: accepted, now: 1)
        if state == .mail { return }
        machine.transaction?.recipientsAccepted = 1
        if state == .content {
            machine.beginContent(MailTransaction.Content(decision: accepted, isConverted: false))
        }
        if state == .lost { machine.transaction?.relayed = .lost(Replies.backendUnavailable) }
    }

    @Test func `each command in each state is in order or has its literal refusal`() {
        for state in State.allCases {
            var machine = ClientMachine()
            enter(state, &machine)
            for (line, code) in zip(Self.commands, Self.expected[state] ?? []) {
                let refusal = machine.refusal(of: command(line), rules: rules)
                #expect(Int(refusal?.code ?? 0) == code, "\(state): \(line)")
            }
            #expect(Self.expected[state]?.count == Self.commands.count)
        }
    }

    @Test func `limits and what is not offered are refused`() {
        var bare = rules
        bare.offersAUTH = false
        bare.offersCHUNKING = false
        bare.offersSTARTTLS = false
        var machine = ClientMachine()
        enter(.ehlo, &machine)
        func code(_ line: String, _ rules: SessionRules = rules) -> Int {
            Int(machine.refusal(of: command(line), rules: rules)?.code ?? 0)
        }
        #expect(code("STARTTLS", bare) == 502)
        #expect(code("AUTH PLAIN", bare) == 503)
        #expect(code("BDAT 1", bare) == 502)
        #expect(code("MAIL FROM:<> SIZE=1001") == 552)
        #expect(code("MAIL FROM:<> SIZE=1000") == 0)
        #expect(code("MAIL FROM:<> REQUIRETLS") == 555)
        #expect(code("MAIL FROM:<> BODY=BINARYMIME", bare) == 555)
        enter(.recipients, &machine)
        #expect(code("BDAT 1001") == 552)
        #expect(code("BDAT 0") == 501)
        #expect(code("RCPT TO:<\u{E9}@b>") == 553)
        machine.transaction?.recipientsAsked = 3
        #expect(code("RCPT TO:<a@b>") == 452)
    }

    @Test func `a client that said HELO may use no extension`() {
        var machine = ClientMachine()
        enter(.helo, &machine)
        let refusal = machine.refusal(of: command("MAIL FROM:<> SIZE=5"), rules: rules)
        #expect(refusal?.code == 555)
    }

    @Test func `TLS forgets everything, a new EHLO all but the login`() {
        var machine = ClientMachine()
        enter(.authenticated, &machine)
        machine.beginTransaction(MailCommand(sender: nil), decision: accepted, now: 1)
        if let name = HeloName(octets("y")) { machine.greeted(as: name, isExtended: true) }
        let hasTransaction = machine.transaction != nil
        let user = machine.greeting?.login?.user
        #expect(!hasTransaction)
        #expect(user == [0x61])
        machine.startTLS()
        machine.tlsEstablished(tlsFacts)
        let isGreeted = machine.greeting != nil
        let isTLS = machine.security.isTLS
        #expect(!isGreeted)
        #expect(isTLS)
    }

    @Test func `a login exists only behind an exchange`() {
        var machine = ClientMachine()
        enter(.ehlo, &machine)
        let forged = machine.authenticationEnded(user: [0x61], mechanism: "PLAIN")
        #expect(forged == nil)
        let login = machine.greeting?.login
        #expect(login == nil)
    }
}

@Suite struct OfferTests {
    private func keywords(_ capabilities: Capabilities?, isTLS: Bool = true, mayAuthenticate: Bool = true) -> [String] {
        Offer(
            rules: rules, backend: BackendOffer(capabilities: capabilities), isTLS: isTLS,
            mayAuthenticate: mayAuthenticate, maxMessages: 100
        ).keywords().map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `before a probe only what needs no backend is offered`() {
        #expect(
            keywords(nil, isTLS: false)
                == [
                    "PIPELINING", "SIZE 1000", "STARTTLS", "ENHANCEDSTATUSCODES", "CHUNKING",
                    "LIMITS MAILMAX=100 RCPTMAX=3",
                ])
    }

    @Test func `the rest is what both have, and sizes and limits are the smaller`() {
        var backend = Capabilities()
        backend.size = .octets(500)
        backend.eightBitMIME = true
        backend.dsn = true
        backend.smtputf8 = true
        backend.binaryMIME = true
        backend.requireTLS = true
        backend.auth = [AuthMechanisms(.plain), AuthMechanisms(.login)]
        backend.limits = Capabilities.Limits(mailMax: 7, rcptMax: 2)
        #expect(
            keywords(backend) == [
                "PIPELINING", "SIZE 500", "AUTH PLAIN LOGIN", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8",
                "REQUIRETLS", "CHUNKING", "LIMITS MAILMAX=7 RCPTMAX=2",
            ])
        backend.chunking = true
        backend.size = .unlimited
        let clear = keywords(backend, isTLS: false, mayAuthenticate: false)
        #expect(clear.contains("BINARYMIME"))
        #expect(clear.contains("SIZE 1000"))
        #expect(!clear.contains("REQUIRETLS"))
        #expect(!clear.contains { $0.hasPrefix("AUTH") })
    }
}

@Suite struct ReplyQueueTests {
    private func codes(_ queue: inout ReplyQueue) -> [UInt16] {
        var codes: [UInt16] = []
        while let answer = queue.next() { codes.append(answer.reply.code) }
        return codes
    }

    @Test func `replies leave in the order of their commands`() {
        var queue = ReplyQueue()
        let first = queue.awaitReply(to: .rcpt)
        queue.append(Reply(250, "noop"), to: .noop)
        let second = queue.awaitReply(to: .rcpt)
        #expect(codes(&queue) == [])
        queue.answer(second, with: Reply(550, "b"))
        #expect(codes(&queue) == [])
        queue.answer(first, with: Reply(251, "a"))
        #expect(codes(&queue) == [251, 250, 550])
        #expect(queue.isEmpty)
        queue.answer(first, with: Reply(252, "again"))
        #expect(queue.isEmpty)
    }

    @Test func `a fault answers all that wait, and an end cuts off what is behind it`() {
        var queue = ReplyQueue()
        _ = queue.awaitReply(to: .rcpt)
        queue.append(Reply(250, "noop"), to: .noop)
        let last = queue.awaitReply(to: .rcpt)
        let behind = queue.awaitReply(to: .rcpt)
        queue.end(at: last, with: Reply(421, "bye"))
        queue.answer(behind, with: Reply(250, "no"))
        queue.answerAll(with: Reply(451, "lost"))
        #expect(codes(&queue) == [451, 250, 421])
    }

    @Test func `the queue says when it is full`() {
        var queue = ReplyQueue()
        for _ in 0..<ReplyQueue.capacity { queue.append(Reply(250, "ok"), to: .noop) }
        #expect(queue.isFull)
        _ = queue.next()
        #expect(!queue.isFull)
        queue.removeAll()
        #expect(queue.isEmpty)
    }
}
