import Bytes
import Enforcement
import Policy
import Reactor
import SMTPSession
import SMTPWire
import SharedStore
import TLSTransport
import Telemetry
import Throttle

/// One thread, one loop, its own listeners and sessions; a session never moves to another worker.
///
/// Other threads reach it by `mailbox` alone.
final class Worker {
    let number: Int
    let loop: EventLoop
    let pool = BufferPool()
    let mailbox: LoopMailbox<WorkerMessage>
    private let log: DecisionLog?
    /// Whether the log has a line for commands that passed.
    let logsPermits: Bool
    var sessions: [UInt64: GatewaySession] = [:]
    var ports: [String: ListenerPort] = [:]
    private var tables: [String: BackendTable] = [:]
    private var keys: UInt64 = 0
    /// How far the wall clock is ahead of the loop's, and in which second of that (2 to the 30th nanoseconds) it was.
    private var wall: (checked: UInt64, ahead: Int64) = (.max, 0)
    private var names = SessionNames()
    private var isDraining = false
    let supervisor: LoopMailbox<SupervisorMessage>
    let helper: HelperPresence
    /// nil where limits are this machine's own.
    var store: (any SharedBuckets)?
    var standing = StoreStanding.lost(.disconnected, detail: "not connected yet")

    init(
        number: Int, mailbox: LoopMailbox<WorkerMessage>, log: DecisionLog?, logsPermits: Bool,
        supervisor: LoopMailbox<SupervisorMessage>, helper: HelperPresence, store: StoreSettings?
    ) throws(Errno) {
        self.number = number
        self.mailbox = mailbox
        self.log = log
        self.logsPermits = logsPermits
        self.supervisor = supervisor
        self.helper = helper
        loop = try EventLoop()
        try mailbox.attach(to: loop) { [unowned self] message in receive(message) }
        if let store { open(store) }
    }

    func run() {
        loop.run()
    }

    func nextKey() -> UInt64 {
        keys &+= 1
        return keys
    }

    func nextSID() -> String {
        names.next()
    }

    /// Counts and logs; never waits.
    func report(_ report: consuming SessionReport, of identity: consuming SessionIdentity, on port: ListenerPort) {
        port.counters.count(report)
        if case .banned(let ban) = report { tellOfBan(ban) }
        log?.record(identity, report, at: wallTime())
    }

    /// The wall clock's time of this turn, by the loop's clock: the two are compared anew about once a second.
    private func wallTime() -> WallTime {
        let now = loop.now.nanoseconds
        if now >> 30 != wall.checked {
            let ahead = WallTime.now().nanoseconds &- Int64(truncatingIfNeeded: Instant.current().nanoseconds)
            wall = (now >> 30, ahead)
        }
        return WallTime(nanoseconds: wall.ahead &+ Int64(truncatingIfNeeded: now))
    }

    private func tellOfBan(_ ban: BanReport) {
        guard ban.outcome == .began || ban.outcome == .prolonged else { return }
        switch ban.target {
        case .user: supervisor.post(.banned(.user(ban.subject)))
        case .client:
            guard let net = AddressPrefix(String(decoding: ban.subject, as: UTF8.self)) else { return }
            supervisor.post(.banned(.net(net)))
        }
    }

    func notify(_ notice: Notice) {
        supervisor.post(.notice(notice))
    }

    /// `socketGranted` or `socketRefused` will answer.
    func askForSocket(_ ticket: OnwardTicket, client: IPAddress, destination: Endpoint) {
        supervisor.post(.socketWanted(ticket, client: client, destination: destination))
    }

    func sessionEnded(_ port: ListenerPort, _ admittedAs: AddressPrefix?) {
        if let admittedAs { port.settings.ledger.leave(admittedAs) }
        if isDraining { endIfDrained() }
    }
}

// MARK: Messages

/// What the supervisor and other workers tell a worker.
enum WorkerMessage: Sendable {
    /// Serve a listener on these sockets (descriptors that the worker now owns).
    case open(PortSettings, sockets: [Int32], counters: Counters, deal: Deal?)
    /// A connection that another worker has accepted; the descriptor is now ours.
    case accepted(listener: String, socket: Int32, peer: Endpoint)
    /// Serve it with other settings.
    case apply(PortSettings)
    /// Stop accepting; sessions go on.
    case close(listener: String)
    case probed(backend: String, server: Int, ProbeReport)
    case slotGranted(session: UInt64, BackendSlots)
    /// Serve a listening socket of the helper's (a descriptor that the worker now owns).
    case intercept(listener: String, InterceptionSlot, socket: Int32)
    /// A socket for a session's way on; the descriptor is now ours.
    case socketGranted(OnwardTicket, socket: Int32)
    case socketRefused(OnwardTicket, String)
    /// Stop accepting, tell idle sessions, let messages in flight finish.
    case drain
    /// End every session now.
    case stop
    /// Answer, to show that the loop goes round.
    case ping(round: UInt64)
}

/// What a probe found out about a server.
struct ProbeReport: Sendable {
    /// nil when it could not be reached: what was known stays.
    var standing: BackendServer.Standing?
    var capabilities: Capabilities?
    var isReachable: Bool { capabilities != nil }
}

extension Worker {
    private func receive(_ message: WorkerMessage) {
        switch message {
        case .open(let settings, let sockets, let counters, let deal): open(settings, sockets, counters, deal)
        case .accepted(let listener, let socket, let peer):
            let socket = Socket(FileDescriptor(owning: socket))
            ports[listener]?.serve(socket, from: peer)
        case .apply(let settings): ports[settings.name]?.apply(settings, table: table(for: settings))
        case .close(let name): ports.removeValue(forKey: name)?.stopListening()
        case .probed(let backend, let server, let report): note(report, backend, server)
        case .slotGranted(let session, let slots):
            if sessions[session]?.slotGranted() != true { slots.release() }
        case .intercept(let name, let slot, let socket): intercept(name, slot, FileDescriptor(owning: socket))
        case .socketGranted(let ticket, let socket):
            let socket = Socket(FileDescriptor(owning: socket))
            sessions[ticket.session]?.socketGranted(socket, attempt: ticket.attempt)
        case .socketRefused(let ticket, let reason):
            sessions[ticket.session]?.socketRefused(reason, attempt: ticket.attempt)
        case .drain: drain()
        case .stop: stop()
        case .ping(let round): supervisor.post(.alive(worker: number, round: round))
        }
    }

    private func open(_ settings: PortSettings, _ sockets: [Int32], _ counters: Counters, _ deal: Deal?) {
        let port = ListenerPort(worker: self, settings: settings, table: table(for: settings), counters: counters)
        ports[settings.name] = port
        for socket in sockets {
            // A descriptor that cannot be watched is closed again; the other workers' sockets still serve.
            guard let listener = try? Listener(adopting: FileDescriptor(owning: socket)) else { continue }
            try? port.listen(on: listener, deal: deal)
        }
    }

    /// A listener that a reload has removed meanwhile, or a worker that ends, needs no socket any more.
    private func intercept(_ name: String, _ slot: InterceptionSlot, _ descriptor: consuming FileDescriptor) {
        guard !isDraining, let port = ports[name], let listener = try? Listener(adopting: descriptor) else { return }
        try? port.intercept(on: listener, slot)
    }

    /// The table of a backend as it is configured now; what is known of its servers survives a reload that keeps them.
    private func table(for settings: PortSettings) -> BackendTable {
        let name = settings.context.backend.name
        if let table = tables[name], table.servers.map(\.endpoint) == settings.servers { return table }
        let table = BackendTable(servers: settings.servers, needProof: settings.needsProof)
        tables[name] = table
        return table
    }

    private func note(_ report: ProbeReport, _ backend: String, _ server: Int) {
        guard let table = tables[backend] else { return }
        if let standing = report.standing { table.judge(server, standing) }
        if report.isReachable {
            table.succeeded(server, capabilities: report.capabilities)
        } else {
            table.failed(server, now: loop.now.nanoseconds)
        }
    }

    // MARK: Ending

    private func drain() {
        isDraining = true
        for port in ports.values { port.stopListening() }
        for session in Array(sessions.values) { session.drain() }
        endIfDrained()
    }

    private func endIfDrained() {
        guard sessions.isEmpty, loop.isRunning else { return }
        loop.stop()
    }

    private func stop() {
        isDraining = true
        for port in ports.values { port.stopListening() }
        for session in Array(sessions.values) { session.abandon() }
        endIfDrained()
    }
}

extension GatewaySession {
    func drain() {
        conversation.drain(now: now)
        settle()
    }
}
