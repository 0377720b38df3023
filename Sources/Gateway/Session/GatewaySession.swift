import Bytes
import Enforcement
import Policy
import Reactor
import TLSTransport
import Telemetry

/// One session's I/O: moves bytes between two sockets and a `Conversation`, and carries out what it asks for.
///
/// It decides nothing. Each event of a descriptor or a timer becomes one call of the conversation; afterwards its
/// effects are carried out, its output is written and its deadline armed. It never calls into the conversation while
/// such a call is on the stack.
final class GatewaySession {
    /// Octets read in one go before other sessions get their turn.
    static let byteBudget = 256 * 1024

    /// Octets of content in one block from which it is written to the backend where it lies.
    static let worthLending = 4096

    let worker: Worker
    /// Names the session in messages from other threads.
    let key: UInt64
    let port: ListenerPort
    /// The listener as it was when the session began: a reload does not move it to another backend.
    let settings: PortSettings
    var conversation: Conversation
    var client: Transport
    var clientRegistration: Registration?
    var clientPhase = Phase.open
    /// The client's FIN was read.
    var clientHasEnded = false
    var backend = BackendLink()
    /// Of an intercepted session that goes on.
    let route: OnwardRoute?
    /// The server is not read because the client is behind.
    var isBackendHeld = false
    /// Their directions end once all is written.
    var shutsClient = false
    var shutsBackend = false
    private var timer: TimerID?
    /// When the timer fires: never after the deadline.
    private var armed = UInt64.max
    /// The conversation is over; what is left is to let the client take our last bytes.
    private var isFinished = false
    private var hasTicket = false
    private let admittedAs: AddressPrefix?

    /// What a connection is used for now.
    enum Phase {
        case open
        /// TLS begins once what was said in clear is written.
        case securing
        case handshaking
        /// Our last bytes are being written.
        case closing
        /// FIN was sent; what the client still sends is read and dropped, so that no RST destroys our last reply.
        case lingering(until: UInt64)
        case closed
    }

    init(
        worker: Worker, port: ListenerPort, client: consuming Transport, facts: ClientFacts, hasClient: Bool,
        intercepted: Intercepted?, admittedAs: AddressPrefix?
    ) {
        self.worker = worker
        key = worker.nextKey()
        self.port = port
        settings = port.settings
        self.client = client
        self.admittedAs = admittedAs
        route = intercepted == .relay ? OnwardRoute(client: facts.endpoint.address, destination: facts.local) : nil
        let table =
            route.map { BackendTable(servers: [$0.destination], needProof: false) } ?? port.table
        conversation = Conversation(
            source: port.source, table: table, sid: worker.nextSID(), client: facts, hasClient: hasClient,
            intercepted: intercepted, pool: worker.pool, now: worker.loop.now.nanoseconds)
        conversation.worthLending = Self.worthLending
    }

    var now: UInt64 { worker.loop.now.nanoseconds }

    /// Begins: the loop keeps the session alive from here until its last descriptor is closed.
    func start() {
        port.keepCalendar()
        do throws(Errno) {
            clientRegistration = try worker.loop.register(client.rawValue, self, tag: Side.client)
        } catch {
            return worker.sessionEnded(port, admittedAs)
        }
        timer = worker.loop.timers.make(self)
        worker.sessions[key] = self
        conversation.start(now: now)
        settle()
    }

    enum Side {
        static let client: UInt32 = 0
        static let backend: UInt32 = 1
    }

    /// Carries out effects and moves bytes until nothing is left to do, then arms the deadline.
    ///
    /// Reading again costs no system call: a transport knows when the kernel has no more for it.
    func settle() {
        repeat {
            performEffects()
            writeBackend()
            readBackend()
            writeClient()
            readClient()
        } while conversation.hasEffects || isBackendHeld && conversation.wantsBackendInput
        writeBackend()
        writeClient()
        port.counters.add(.acceptances, conversation.takeAcceptances())
        if isFinished { return finishIfQuiet() }
        armDeadline()
    }

    @inline(__always)
    func performEffects() {
        if conversation.hasEffects { carryOutEffects() }
    }

    private func carryOutEffects() {
        while let effect = conversation.nextEffect() { carryOut(effect) }
    }

    /// A deadline that has moved on leaves the timer where it is: it fires early once and is armed anew then, which
    /// costs less than to move it at every command.
    private func armDeadline() {
        var deadline = conversation.deadline
        if case .lingering(let until) = clientPhase { deadline = min(deadline, until) }
        guard deadline < armed, let timer else { return }
        armed = deadline
        worker.loop.timers.arm(timer, at: Instant(nanoseconds: deadline))
    }

    private func carryOut(_ effect: consuming Effect) {
        switch consume effect {
        case .secureClient: clientPhase = .securing
        case .closeClient: beginClosing()
        case .connectBackend(let server):
            grantTicket()
            connectBackend(server)
        case .secureBackend: backend.phase = .securing
        case .shutClient: shutsClient = true
        case .shutBackend: shutsBackend = true
        case .abortBackend: closeBackend()
        case .report(let report): worker.report(report, of: conversation.identity, on: port)
        case .notify(let notice): worker.notify(notice)
        case .askStore(let question, let number): askStore(question, number)
        case .refundStore(let receipts): refundStore(receipts)
        case .finished: isFinished = true
        }
    }

    /// A client that got as far as to need a backend may come again; one ticket each.
    private func grantTicket() {
        guard !hasTicket else { return }
        hasTicket = true
        client.grantTicket()
    }

    /// Our last bytes are to be written; asked for twice, the client does not take them.
    private func beginClosing() {
        switch clientPhase {
        case .open, .securing, .handshaking: clientPhase = .closing
        case .closing, .lingering: closeClient()
        case .closed: break
        }
    }

    private func finishIfQuiet() {
        switch clientPhase {
        case .closed: finish()
        case .closing, .lingering: armLinger()
        case .open, .securing, .handshaking:
            closeClient()
            finish()
        }
    }

    private func armLinger() {
        guard let timer else { return }
        let until: UInt64
        if case .lingering(let deadline) = clientPhase { until = deadline } else { until = now &+ Self.lingerTime }
        guard until != armed else { return }
        armed = until
        worker.loop.timers.arm(timer, at: Instant(nanoseconds: until))
    }

    private func finish() {
        closeBackend()
        if let timer { worker.loop.timers.discard(timer) }
        timer = nil
        if worker.sessions.removeValue(forKey: key) != nil { worker.sessionEnded(port, admittedAs) }
    }

    /// The process stops now: both connections go, whatever they were doing.
    func abandon() {
        conversation.clientBroke(now: now)
        performEffects()
        closeClient()
        finish()
    }
}

// MARK: Events

extension GatewaySession: EventHandler, TimerHandler {
    func ready(_ readiness: Readiness, tag: UInt32) {
        if tag == Side.client {
            client.ready(readiness)
            clientReady()
        } else {
            backend.transport.ready(readiness)
            backendReady(readiness)
        }
        settle()
    }

    func timerFired(tag: UInt32) {
        if tag == Side.backend {
            slotTimedOut()
            return settle()
        }
        armed = .max
        if case .lingering(let until) = clientPhase, now >= until { closeClient() }
        if isFinished, case .closing = clientPhase { closeClient() }
        if !isFinished, now >= conversation.deadline { conversation.deadlinePassed(now: now) }
        settle()
    }
}
