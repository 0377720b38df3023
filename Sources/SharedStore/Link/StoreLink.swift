import Bytes
import Reactor
import TLSTransport
import Throttle

/// Who has connections to the store; never called from inside a call to the connection.
protocol StoreLinkOwner: AnyObject {
    /// It can be asked, for the first time or again after it was late.
    func linkOpened(_ link: StoreLink)
    func linkAnswered(_ link: StoreLink, _ errand: UInt64, _ reply: StoreReply, isLate: Bool)
    /// It takes no questions until `linkOpened`; the answers to these come late, if they come.
    func linkIsLate(_ link: StoreLink, _ errands: [UInt64])
    func linkToldSlots(_ link: StoreLink, _ reply: StoreReply)
    /// The connection is over: neither the open errands nor those that were given up will be answered.
    func linkEnded(_ link: StoreLink, _ reason: StoreLossReason, _ detail: String, _ open: [UInt64], late: [UInt64])
}

/// One connection to one server of the store, on its owner's loop; it ends once and is not begun again.
///
/// What is asked in one turn of the loop leaves in one write at its end.
final class StoreLink: EventHandler, TimerHandler {
    let server: StoreServer
    private let settings: StoreSettings
    private let loop: EventLoop
    private weak var owner: (any StoreLinkOwner)?
    private var machine: LinkMachine
    private var reader = ReplyReader()
    private var input: InputBuffer
    private var output: OutputBuffer
    private var transport = Transport.none()
    private var registration: Registration?
    private var timer: TimerID?
    private var lookup: NameLookup?
    private var addresses: [IPAddress] = []
    private var stage = Stage.resolving

    private enum Stage {
        case resolving
        case connecting
        case securing
        case talking
        case over
    }

    init(_ server: StoreServer, _ settings: StoreSettings, loop: EventLoop, pool: BufferPool, owner: any StoreLinkOwner)
    {
        (self.server, self.settings, self.loop, self.owner) = (server, settings, loop, owner)
        machine = LinkMachine(settings.identity, patience: settings.patience, now: Instant.current().nanoseconds)
        input = InputBuffer(pool: pool)
        output = OutputBuffer(pool: pool)
    }

    var refusal: StoreLossReason? { machine.refusal }
    /// Part of a Cluster: what it says about all slots.
    var slots: StoreReply? { machine.slots }
    var isReplica: Bool { machine.isReplica }
    var isOpen: Bool { machine.phase == .open }

    /// Begins; how it ends is always told in a later turn.
    func start() {
        timer = loop.timers.make(self)
        armTimer()
        if let address = IPAddress(server.host) {
            addresses = [address]
            let handle = WeakLink(self)
            loop.handle.post { handle.link?.connect() }
        } else {
            lookup = NameLookup(server.host, loop: loop, by: settings.lookUp) { [weak self] found in
                self?.addresses = found
                self?.connect()
            }
        }
    }

    /// Ends without a word to the owner.
    func stop() {
        stage = .over
        lookup?.cancel()
        lookup = nil
        if let registration { loop.deregister(registration, closing: true) }
        registration = nil
        transport.close()
        if let timer { loop.timers.discard(timer) }
        timer = nil
    }

    private func end(_ reason: StoreLossReason, _ detail: String) {
        guard !isOver else { return }
        let (open, late) = (machine.errands, machine.abandoned)
        _ = machine.failed(reason, detail)
        stop()
        owner?.linkEnded(self, reason, "\(server): \(detail)", open, late: late)
    }

    private var isOver: Bool {
        if case .over = stage { true } else { false }
    }
}

/// Lets the loop's mailbox hold a link, which only the loop's thread opens.
private final class WeakLink: @unchecked Sendable {
    private(set) weak var link: StoreLink?

    init(_ link: StoreLink) {
        self.link = link
    }
}

// MARK: Beginning

extension StoreLink {
    private func connect() {
        guard !isOver else { return }
        guard let address = addresses.first else { return end(.disconnected, "the name has no address") }
        addresses.removeFirst()
        do throws(Errno) {
            let endpoint = Endpoint(address: address, port: server.port)
            transport = Transport(try Socket.connect(to: endpoint, speaksFirst: true))
            registration = try loop.register(transport.rawValue, self)
            stage = .connecting
        } catch {
            failedToConnect(error)
        }
    }

    /// A name may have several addresses.
    private func failedToConnect(_ error: Errno) {
        if let registration { loop.deregister(registration, closing: true) }
        registration = nil
        transport.close()
        if addresses.isEmpty { end(.disconnected, "\(error)") } else { connect() }
    }

    private func connected() {
        guard let tls = settings.tls else { return introduce() }
        guard let proof = input.plaintextDrained() else { return end(.disconnected, "octets ahead of TLS") }
        let name = tls.name ?? server.host
        do throws(TransportError) {
            try transport.startTLS(
                proof, client: tls.context, peer: IPAddress(name).map { .address($0) } ?? .name(name))
            stage = .securing
            shakeHands()
        } catch {
            end(.disconnected, "\(error)")
        }
    }

    private func shakeHands() {
        switch transport.handshake() {
        case .done: introduce()
        case .wouldBlock: break
        case .failed(let error): end(.disconnected, "\(error)")
        }
    }

    private func introduce() {
        stage = .talking
        machine.connected(&output, now: loop.now.nanoseconds)
    }
}

// MARK: Asking

extension StoreLink {
    /// Writes a request, unless there is a reason not to; `write` gets the names of the scripts on this server.
    func send(
        _ errand: UInt64, isAsking: Bool = false, _ write: (inout OutputBuffer, ScriptNames) -> Void
    ) -> StoreLossReason? {
        if let refusal = machine.refusal { return refusal }
        machine.sends(errand, isAsking: isAsking, &output, now: loop.now.nanoseconds)
        write(&output, machine.names)
        requested()
        return nil
    }

    /// Writes a request whose answer nobody needs; forgotten if it cannot be written now.
    func sendRefund(_ errand: UInt64, _ write: (inout OutputBuffer, ScriptNames) -> Void) {
        guard machine.takesRefunds else { return }
        machine.sends(errand, isAsking: false, &output, now: loop.now.nanoseconds)
        write(&output, machine.names)
        requested()
    }

    func askForSlots() {
        guard isOpen else { return }
        machine.askForSlots(&output, now: loop.now.nanoseconds)
        requested()
    }

    /// The server has forgotten its scripts; what is sent after this finds them.
    func loadScripts() {
        guard isOpen else { return }
        machine.loadScripts(&output, now: loop.now.nanoseconds)
        requested()
    }

    /// Gives the connection up, as if it had broken.
    func abandon(_ reason: StoreLossReason, _ detail: String) {
        end(reason, detail)
    }

    private func requested() {
        if let registration { loop.again(registration) }
        armTimer()
    }

    private func armTimer() {
        guard let timer, let deadline = machine.deadline else { return }
        loop.timers.arm(timer, at: Instant(nanoseconds: deadline))
    }
}

// MARK: The loop's calls

extension StoreLink {
    func ready(_ readiness: Readiness, tag: UInt32) {
        transport.ready(readiness)
        if case .connecting = stage {
            if let error = transport.pendingError() { return failedToConnect(error) }
            guard readiness.contains(.writable) else { return }
            connected()
        }
        if case .securing = stage { shakeHands() }
        guard case .talking = stage else { return }
        read()
        write()
        armTimer()
    }

    func timerFired(tag: UInt32) {
        take(machine.timePassed(&output, now: loop.now.nanoseconds))
        guard !isOver else { return }
        if case .talking = stage { write() }
        armTimer()
    }

    private func read() {
        while !isOver {
            switch transport.read(into: &input) {
            case .bytes(0), .wouldBlock: return
            case .bytes:
                reader.feed(&input)
                takeReplies()
            case .endOfStream: return end(.disconnected, "the server closed the connection")
            case .failed(let error): return end(.disconnected, "\(error)")
            }
        }
    }

    private func takeReplies() {
        while !isOver {
            switch reader.next() {
            case .incomplete: return
            case .fault(let text): return end(.disconnected, text)
            case .reply(let reply): take(machine.received(reply, now: loop.now.nanoseconds))
            }
        }
    }

    private func take(_ outcome: LinkMachine.Outcome) {
        switch outcome {
        case .nothing: break
        case .opened, .recovered: owner?.linkOpened(self)
        case .answered(let errand, let reply): owner?.linkAnswered(self, errand, reply, isLate: false)
        case .answeredLate(let errand, let reply): owner?.linkAnswered(self, errand, reply, isLate: true)
        case .late(let errands): owner?.linkIsLate(self, errands)
        case .slots(let reply): owner?.linkToldSlots(self, reply)
        case .failed(let reason, let detail):
            if case .securing = stage {
                end(reason, "no answer to the TLS handshake: does it speak TLS on this port?")
            } else {
                end(reason, detail)
            }
        }
    }

    private func write() {
        while !output.isEmpty, !isOver {
            switch transport.write(from: &output) {
            case .bytes: continue
            case .wouldBlock: return
            case .endOfStream: return end(.disconnected, "the server closed the connection")
            case .failed(let error): return end(.disconnected, "\(error)")
            }
        }
    }
}
