import Bytes
import Enforcement
import Reactor
import SMTPSession
import SMTPWire
import TLSTransport

/// One visit to a server: whether it is there, what it offers, whether it learns who the client is and relays for anyone.
///
/// It says hello as a stranger from 192.0.2.1 (RFC 5737), by the same machine that sessions use, so what it proves is
/// what sessions rely on. With `provesSafety` it then tries to relay, which must not be accepted.
final class BackendProbe: EventHandler, TimerHandler {
    /// Nanoseconds for the whole visit.
    static let patience: UInt64 = 20_000_000_000
    /// The domain that no server of ours may take mail for from a stranger (RFC 2606).
    static let foreignRecipient = "relay-test@portreeve-selftest.invalid"

    private let loop: EventLoop
    private let endpoint: Endpoint
    private let tls: BackendTLSSettings?
    private let provesSafety: Bool
    private let done: (ProbeReport) -> Void
    private var machine: BackendMachine
    private var parser = ReplyParser()
    private var input: InputBuffer
    private var output: OutputBuffer
    private var transport = Transport.none()
    private var registration: Registration?
    private var timer: TimerID?
    private var phase = Phase.connecting
    private var report = ProbeReport()

    private enum Phase {
        case connecting
        /// The machine greets, secures and introduces.
        case opening
        case securing
        case handshaking
        /// MAIL FROM:<> was sent.
        case awaitingMAIL
        /// The foreign RCPT was sent.
        case awaitingRCPT
        case quitting
        case closed
    }

    init(
        loop: EventLoop, pool: BufferPool, endpoint: Endpoint, identity: BackendIdentity, tls: BackendTLSSettings?,
        mode: BackendTLS, hostname: String, provesSafety: Bool, done: @escaping (ProbeReport) -> Void
    ) {
        self.loop = loop
        self.endpoint = endpoint
        self.tls = tls
        self.provesSafety = provesSafety
        self.done = done
        let stranger = Endpoint(address: IPAddress(v4: 0xC000_0201), port: 25)
        machine = BackendMachine(
            identity: identity, tls: mode,
            client: ClientIdentity(
                source: stranger, destination: endpoint, name: nil, helo: Array(hostname.utf8), isExtended: true))
        input = InputBuffer(pool: pool)
        output = OutputBuffer(pool: pool)
    }

    func start() {
        do throws(Errno) {
            transport = Transport(try Socket.connect(to: endpoint))
            registration = try loop.register(transport.rawValue, self)
        } catch {
            return finish()
        }
        let timer = loop.timers.make(self)
        loop.timers.arm(timer, at: loop.now + Self.patience)
        self.timer = timer
    }

    func timerFired(tag: UInt32) {
        finish()
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        transport.ready(readiness)
        if case .connecting = phase {
            guard transport.pendingError() == nil, readiness.contains(.writable) else { return finish() }
            phase = machine.connected(&output) == .secure ? .securing : .opening
        }
        if case .handshaking = phase { shakeHands() }
        read()
        write()
    }

    private func read() {
        while !isClosed {
            if case .handshaking = phase { return }
            switch transport.read(into: &input) {
            case .bytes(0), .wouldBlock: return
            case .bytes: takeReplies()
            case .endOfStream, .failed: return finish()
            }
        }
    }

    private func takeReplies() {
        while !isClosed {
            switch parser.next(&input) {
            case .incomplete: return
            case .malformed: return finish()
            case .reply(let reply): received(reply)
            }
        }
    }

    private func write() {
        while !output.isEmpty, !isClosed {
            switch transport.write(from: &output) {
            case .bytes: continue
            case .wouldBlock: return
            case .endOfStream, .failed: return finish()
            }
        }
        if case .securing = phase { secure() }
    }

    private var isClosed: Bool {
        if case .closed = phase { true } else { false }
    }
}

// MARK: The visit

extension BackendProbe {
    private func received(_ reply: Reply) {
        switch phase {
        case .opening: opening(reply)
        case .awaitingMAIL:
            if reply.isPositive, let stranger = Mailbox(Array(Self.foreignRecipient.utf8)) {
                CommandEncoder.rcpt(RcptCommand(recipient: stranger), to: &output)
                phase = .awaitingRCPT
            } else {
                safe()
            }
        case .awaitingRCPT:
            if reply.isPositive { disproved("it relays for strangers: \(reply.logText)") } else { safe() }
        case .quitting: finish()
        case .connecting, .securing, .handshaking, .closed: finish()
        }
    }

    private func opening(_ reply: Reply) {
        switch machine.received(reply, &output) {
        case .progressed: break
        case .secure: phase = .securing
        case .opened(let capabilities):
            report.capabilities = capabilities
            guard provesSafety else { return quit() }
            CommandEncoder.mail(MailCommand(sender: nil), to: &output)
            phase = .awaitingMAIL
        case .fault(let fault): failed(fault)
        case .reply, .greeted, .helloRefused: finish()
        }
    }

    /// What the server says about identity disproves it; anything else only means that it cannot be used now.
    private func failed(_ fault: BackendFault) {
        switch fault {
        case .identityNotOffered, .identityRefused, .identityTooLong: disproved(fault.reason)
        case .connectFailed, .greetingRefused, .helloRefused, .startTLSRefused, .startTLSNotOffered, .tlsFailed,
            .bytesBehindSTARTTLS, .malformedReply, .unsolicitedReply, .unexpectedReply, .closing, .lost, .busy,
            .timedOut:
            finish()
        }
    }

    private func safe() {
        report.standing = .proven
        quit()
    }

    private func disproved(_ reason: String) {
        report.standing = .disproved(reason)
        quit()
    }

    private func quit() {
        CommandEncoder.quit(to: &output)
        phase = .quitting
    }

    private func secure() {
        guard let proof = input.plaintextDrained(), let tls else { return finish() }
        do throws(TransportError) {
            try transport.startTLS(proof, client: tls.context, peer: tls.peer)
            phase = .handshaking
            shakeHands()
        } catch {
            finish()
        }
    }

    private func shakeHands() {
        switch transport.handshake() {
        case .done:
            phase = .opening
            machine.secured(&output)
            write()
        case .wouldBlock: break
        case .failed: finish()
        }
    }

    private func finish() {
        guard !isClosed else { return }
        phase = .closed
        if let registration { loop.deregister(registration, closing: true) }
        if let timer { loop.timers.discard(timer) }
        transport.close()
        done(report)
    }
}
