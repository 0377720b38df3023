import Bytes
import Enforcement
import Policy
import Reactor
import SMTPSession
import SMTPWire
import TLSTransport
import Telemetry
import Throttle

/// One listener on one worker: accepts, finds out who the client is, and begins sessions.
final class ListenerPort: EventHandler, TimerHandler {
    let worker: Worker
    let source: ContextSource
    private(set) var settings: PortSettings
    private(set) var table: BackendTable
    let counters: Counters
    var sockets: [Bound] = []
    private var retryTimer: TimerID?
    /// Of the loop's clock, when the calendar was last looked at.
    private var calendarSecond: UInt64 = 0
    private var deal: Deal?

    /// Connections accepted in one turn of the loop, after the sessions have had theirs.
    ///
    /// Each costs as much as several commands: this bounds what a flood of newcomers adds to the latency of a command.
    static let acceptBatch = 4
    /// Connections that the queue of a socket that is closed may hold.
    static let backlog = Int(ListenerOptions().backlog)
    /// Nanoseconds until accept is tried again when descriptors have run out.
    static let retryPause: UInt64 = 100_000_000

    /// A listening socket of ours; a class, because a noncopyable one cannot stand in an array.
    final class Bound {
        let listener: Listener
        let registration: Registration
        /// Where its connections arrive; nil for a wildcard, whose connections have to be asked.
        let local: Endpoint?
        /// What its connections are, if they were meant for others.
        let slot: InterceptionSlot?

        init(_ listener: consuming Listener, _ registration: Registration, slot: InterceptionSlot? = nil) {
            local = listener.localEndpoint.flatMap { $0.address.isUnspecified ? nil : $0 }
            self.slot = slot
            self.listener = listener
            self.registration = registration
        }
    }

    init(worker: Worker, settings: PortSettings, table: BackendTable, counters: Counters) {
        self.worker = worker
        self.settings = settings
        self.table = table
        self.counters = counters
        source = ContextSource(settings.context)
        source.calendar = .now()
        source.store = worker.storeUse
        source.reportsAcceptances = worker.logsPermits
    }

    /// Tells rules the time of day, at most once a second.
    func keepCalendar() {
        let second = worker.loop.now.nanoseconds / 1_000_000_000
        guard second != calendarSecond else { return }
        calendarSecond = second
        source.calendar = .now()
    }

    var name: String { settings.name }
    var tls: ServerTLSContext? { settings.tls }

    /// A reload: new sessions get the new settings, running ones their new context at their next MAIL.
    func apply(_ settings: PortSettings, table: BackendTable) {
        self.settings = settings
        self.table = table
        source.current = settings.context
    }

    /// `deal` is given for a socket that only this worker accepts on.
    func listen(on listener: consuming Listener, deal: Deal?) throws(Errno) {
        self.deal = deal
        let registration = try worker.loop.register(
            listener.rawValue, self, tag: UInt32(truncatingIfNeeded: sockets.count), yields: true)
        sockets.append(Bound(listener, registration))
    }

    /// Takes what has connected already, then closes: what waits in the queue of a closed socket would be reset.
    func stopListening() {
        for bound in sockets { accept(on: bound, atMost: Self.backlog) }
        for bound in sockets { worker.loop.deregister(bound.registration) }
        sockets = []
        if let retryTimer { worker.loop.timers.discard(retryTimer) }
        retryTimer = nil
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        guard sockets.indices.contains(Int(tag)) else { return }
        accept(on: sockets[Int(tag)])
    }

    func timerFired(tag: UInt32) {
        acceptAll()
    }

    private func acceptAll() {
        for bound in sockets { accept(on: bound) }
    }

    func accept(on bound: Bound, atMost most: Int = acceptBatch) {
        for _ in 0..<most {
            do throws(Errno) {
                guard let accepted = try bound.listener.accept() else { return }
                guard let peer = accepted.peer else { continue }
                if let slot = bound.slot {
                    receive(accepted.takeSocket(), from: peer, as: slot.intercepted)
                } else {
                    hand(accepted.takeSocket(), from: peer, at: bound.local)
                }
            } catch {
                return retryLater()
            }
        }
        worker.loop.again(bound.registration)
    }

    /// Out of descriptors or memory: the connection stays in the queue, and no new edge would tell of it.
    private func retryLater() {
        let timer = retryTimer ?? worker.loop.timers.make(self)
        retryTimer = timer
        worker.loop.timers.arm(timer, at: worker.loop.now + Self.retryPause)
    }
}

// MARK: Who is it?

extension ListenerPort {
    /// Serves the connection here, or gives it to the worker that has least to do.
    private func hand(_ socket: consuming Socket, from peer: Endpoint, at local: Endpoint?) {
        guard let number = deal?.idlest, number != worker.number, let deal else {
            return serve(socket, from: peer, at: local)
        }
        deal.inboxes[number].post(
            .accepted(listener: name, socket: socket.takeDescriptor().take(), peer: peer))
    }

    func serve(_ socket: consuming Socket, from peer: Endpoint, at local: Endpoint? = nil) {
        let local =
            local ?? socket.localEndpoint ?? Endpoint(address: peer.address, port: settings.context.listener.port)
        if settings.proxyFrom.contains(where: { $0.contains(peer.address) }) {
            let wait = ProxyHeaderWait(port: self, transport: Transport(socket), peer: peer, local: local)
            wait.start()
        } else if !settings.proxyRequired {
            begin(Transport(socket), ClientFacts(endpoint: peer, local: local), hasClient: true)
        }
    }

    /// The client is known: the door's limits, then a session.
    func begin(
        _ transport: consuming Transport, _ facts: ClientFacts, hasClient: Bool, intercepted: Intercepted? = nil
    ) {
        guard hasClient, let net = source.current.clientNet(facts.endpoint.address) else {
            return session(transport, facts, hasClient: hasClient, admittedAs: nil)
        }
        let context = source.current
        let now = worker.loop.now.nanoseconds
        if case .banned = context.peers.standing(of: facts.endpoint.address, in: net, now: now) {
            turnAway(transport, facts, "ban", Replies.banned(context.hostname))
        } else if let refusal = settings.ledger.admit(net, context.doorLimits, now: now) {
            turnAway(transport, facts, refusal.rawValue, Replies.tooManySessions(context.hostname))
        } else {
            session(transport, facts, hasClient: true, intercepted: intercepted, admittedAs: net)
        }
    }

    private func session(
        _ transport: consuming Transport, _ facts: ClientFacts, hasClient: Bool, intercepted: Intercepted? = nil,
        admittedAs net: AddressPrefix?
    ) {
        let session = GatewaySession(
            worker: worker, port: self, client: transport, facts: facts, hasClient: hasClient,
            intercepted: intercepted, admittedAs: net)
        session.start()
    }

    /// 421 and close, before TLS and before anything is allocated for a session; in implicit TLS nothing can be said.
    func turnAway(
        _ transport: consuming Transport, _ facts: ClientFacts, _ check: String, _ reply: Reply
    ) {
        counters.add(.connectionsRefused)
        worker.report(
            .refused(
                RefusalReport(
                    command: "CONNECT", stage: .connect, reply: reply.replyText,
                    rule: .builtIn(check), closes: true)),
            of: SessionIdentity(sid: worker.nextSID(), listener: name, client: facts.endpoint), on: self)
        var transport = transport
        if source.current.tls != .implicit {
            var output = OutputBuffer(pool: worker.pool)
            ReplyEncoder.write(reply, to: &output)
            _ = transport.write(from: &output)
        }
        transport.close()
    }
}
