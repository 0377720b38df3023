import Bytes
import Policy
import SMTPSession
import SMTPWire
import Testing

/// What a backend is told, octet by octet, until it is open and while it is.
@Suite struct BackendMachineTests {
    private static let bare = Reply(250, "be")
    private static let full = Reply(
        250, "be\nPIPELINING\nSTARTTLS\nXCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT")

    private func client(isExtended: Bool = true) -> ClientIdentity {
        ClientIdentity(
            source: address, destination: Endpoint(address: IPAddress(v4: 0xC000_0201), port: 25), name: nil,
            helo: octets("laptop"), isExtended: isExtended)
    }

    /// What is said after each of `replies`, the connection first.
    private func dialogue(
        _ identity: BackendIdentity, tls: BackendTLS = .none, isExtended: Bool = true, _ replies: [Reply]
    ) -> (said: [String], last: BackendMachine.Event?) {
        var machine = BackendMachine(identity: identity, tls: tls, client: client(isExtended: isExtended))
        var output = OutputBuffer(pool: BufferPool())
        machine.connect(as: client(isExtended: isExtended))
        _ = machine.connected(&output)
        var said = [taken(&output)]
        var last: BackendMachine.Event?
        for reply in replies {
            let event = machine.received(reply, &output)
            if event == .secure { machine.secured(&output) }
            last = event
            said.append(taken(&output))
        }
        return (said, last)
    }

    private let greeting = Reply(220, "be")
    private let xclient =
        "XCLIENT NAME=[UNAVAILABLE] ADDR=203.0.113.7 PORT=4711 HELO=laptop PROTO=ESMTP DESTADDR=192.0.2.1 DESTPORT=25\r\n"

    @Test func `without identity the client's own hello is all`() {
        let run = dialogue(.none, [greeting, Self.full])
        #expect(run.said == ["", "EHLO laptop\r\n", ""])
        #expect(run.last == .opened(Capabilities(ehlo: Self.full)))
        let helo = dialogue(.none, isExtended: false, [greeting, Self.full])
        #expect(helo.said == ["", "HELO laptop\r\n", ""])
        #expect(helo.last == .opened(.none))
    }

    @Test func `XCLIENT is sent alone and followed by the client's hello`() {
        let run = dialogue(.xclient, [greeting, Self.full, Reply(220, "be"), Self.bare])
        #expect(run.said == ["", "EHLO laptop\r\n", xclient, "EHLO laptop\r\n", ""])
        #expect(run.last == .opened(Capabilities(ehlo: Self.bare)))
        let helo = dialogue(.xclient, isExtended: false, [greeting, Self.full, Reply(220, "be")])
        #expect(helo.said.last == "HELO laptop\r\n")
        #expect(helo.said[2] == xclient.replacing("ESMTP", with: "SMTP"))
    }

    @Test func `PROXY stands before everything else`() {
        let v1 = dialogue(.proxyV1, [greeting])
        #expect(v1.said == ["PROXY TCP4 203.0.113.7 192.0.2.1 4711 25\r\n", "EHLO laptop\r\n"])
        var machine = BackendMachine(identity: .proxyV2, tls: .implicit, client: client())
        var output = OutputBuffer(pool: BufferPool())
        machine.connect(as: client())
        let next = machine.connected(&output)
        #expect(next == .secure)
        let header = output.pending.withUnsafeBytes { Array($0) }
        let expected: [UInt8] =
            [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 12]
            + [203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x67, 0, 25]
        #expect(header == expected)
    }

    @Test func `STARTTLS comes before identity, and both make us forget`() {
        let run = dialogue(
            .xclient, tls: .starttls, [greeting, Self.full, Reply(220, "go"), Self.full, Reply(220, "be"), Self.bare])
        #expect(
            run.said == ["", "EHLO laptop\r\n", "STARTTLS\r\n", "EHLO laptop\r\n", xclient, "EHLO laptop\r\n", ""])
    }

    @Test func `whatever is missing or refused on the way is a fault`() {
        let no = Reply(554, "no")
        let cases: [(BackendIdentity, BackendTLS, [Reply], BackendFault)] = [
            (.none, .none, [no], .greetingRefused(no)), (.none, .none, [greeting, no], .helloRefused(no)),
            (.none, .none, [Reply(250, "x")], .greetingRefused(Reply(250, "x"))),
            (.none, .starttls, [greeting, Self.bare], .startTLSNotOffered),
            (.none, .starttls, [greeting, Self.full, no], .startTLSRefused(no)),
            (.xclient, .none, [greeting, Self.bare], .identityNotOffered),
            (.xclient, .none, [greeting, Self.full, no], .identityRefused(no)),
            (.none, .none, [greeting, Self.bare, Reply(250, "again")], .unsolicitedReply),
            (.none, .none, [greeting, Self.bare, Reply(421, "bye")], .closing(Reply(421, "bye"))),
        ]
        for (identity, tls, replies, fault) in cases {
            #expect(dialogue(identity, tls: tls, replies).last == .fault(fault))
        }
    }

    @Test func `an answer that came before its command is a fault`() {
        var machine = BackendMachine(identity: .none, tls: .none, client: client())
        var output = OutputBuffer(pool: BufferPool())
        machine.connect(as: client())
        _ = machine.connected(&output)
        let event = machine.received(greeting, isLast: false, &output)
        #expect(event == .fault(.unsolicitedReply))
        #expect(taken(&output) == "")
    }

    /// An open connection with two recipients sent.
    private func open(_ hello: Reply, _ body: (inout BackendMachine, inout OutputBuffer, [ReplyQueue.Ticket]) -> Void) {
        var machine = BackendMachine(identity: .none, tls: .none, client: client())
        var output = OutputBuffer(pool: BufferPool())
        var queue = ReplyQueue()
        machine.connect(as: client())
        _ = machine.connected(&output)
        _ = machine.received(greeting, &output)
        _ = machine.received(hello, &output)
        machine.flushWaiting(to: &output)
        _ = taken(&output)
        let tickets = [queue.awaitReply(to: .rcpt), queue.awaitReply(to: .rcpt)]
        body(&machine, &output, tickets)
    }

    private func send(_ command: BackendCommand, _ machine: inout BackendMachine, _ output: inout OutputBuffer) {
        if let permit = accepted.permit() { machine.send(command, permit: permit, to: &output) }
    }

    @Test func `commands go ahead only where PIPELINING lets them`() {
        guard let mailbox = Mailbox(octets("a@b")) else { return }
        for (hello, first) in [
            (Self.full, "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n"), (Self.bare, "MAIL FROM:<>\r\n"),
        ] {
            open(hello) { machine, output, tickets in
                send(.mail(MailCommand(sender: nil)), &machine, &output)
                send(.rcpt(RcptCommand(recipient: mailbox), tickets[0]), &machine, &output)
                send(.data, &machine, &output)
                send(.rcpt(RcptCommand(recipient: mailbox), tickets[1]), &machine, &output)
                #expect(taken(&output) == first)
                let mail = machine.received(Reply(250, "x"), &output)
                #expect(mail == .reply(.mail, Reply(250, "x")))
                let rcpt = machine.received(Reply(450, "y"), &output)
                #expect(rcpt == .reply(.rcpt(tickets[0]), Reply(450, "y")))
                let data = machine.received(Reply(354, "z"), &output)
                #expect(data == .reply(.data, Reply(354, "z")))
                #expect(taken(&output).hasSuffix("RCPT TO:<a@b>\r\n"))
            }
        }
    }

    @Test func `hints that the backend does not know are left out, nothing else is`() {
        guard case .mail(let mail) = command("MAIL FROM:<a@b> SIZE=5 BODY=8BITMIME AUTH=<>") else { return }
        open(Self.bare) { machine, output, _ in
            send(.mail(mail), &machine, &output)
            #expect(taken(&output) == "MAIL FROM:<a@b> BODY=8BITMIME\r\n")
        }
        open(Reply(250, "be\nSIZE\nAUTH PLAIN")) { machine, output, _ in
            send(.mail(mail), &machine, &output)
            #expect(taken(&output) == "MAIL FROM:<a@b> SIZE=5 BODY=8BITMIME AUTH=<>\r\n")
        }
    }

    @Test func `what a connection learnt is gone with it`() {
        open(Self.full) { machine, output, tickets in
            send(.data, &machine, &output)
            machine.disconnected()
            let isGone = machine.isDisconnected && machine.capabilities == nil && machine.awaits == nil
            #expect(isGone)
            let late = machine.received(Reply(354, "go"), &output)
            #expect(late == .fault(.unsolicitedReply))
        }
    }
}
