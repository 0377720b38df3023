import Bytes
import Configuration
import Control
import Diagnostics
import Enforcement
import Glibc
import Policy
import Reactor
import SharedStore
import TLSTransport
import Telemetry
import Throttle

/// What workers and other threads tell the supervisor.
enum SupervisorMessage: Sendable {
    case workerEnded(Int)
    /// A worker's loop has passed this round.
    case alive(worker: Int, round: UInt64)
    /// A rule has begun or prolonged a ban.
    case banned(BanSubject)
    case notice(Notice)
    /// An intercepted session wants to go on.
    case socketWanted(OnwardTicket, client: IPAddress, destination: Endpoint)
    /// A worker's connection to the shared store has come or gone.
    case store(worker: Int, StoreStanding)
    case stateSaved(String?)
    case stop
}

/// The thread that has signals, control socket, health checks, reloads and the service manager; it serves no session.
final class Supervisor: TimerHandler {
    let loop: EventLoop
    let mailbox: LoopMailbox<SupervisorMessage>
    let options: DaemonOptions
    let path: String?
    let log: DecisionLog?
    let compiler: PlanCompiler
    var plan: RunPlan
    var settings: [[PortSettings]]
    var counters: [String: [Counters]] = [:]
    var endpoints: [(listener: String, endpoint: Endpoint)]
    var workers: [LoopMailbox<WorkerMessage>] = []
    var health: HealthWatch?
    var watch: FileWatch?
    var control: ControlServer?
    /// Tells the packet filter of bans; nil without `firewall:`.
    var firewall: FirewallLink?
    /// Whether its helper is there.
    let helper = HelperPresence()
    /// Listening sockets that it was asked for or has given.
    var listening: [ListenerPlace: ListenerPlace.State] = [:]
    /// nil where bans and limits are this machine's own.
    let storeSettings: StoreSettings?
    var desk: (any StoreDesk)?
    var storeWatch: StoreWatch?
    private let controlSocket: ControlSocket?
    let startedAt = WallTime.now()
    var loadedAt = WallTime.now()
    var lastReload: ReloadStatus?
    private var threads: [NativeThread] = []
    private var running: Set<Int> = []
    var isEnding = false
    private var status: Int32 = 0
    private var timers: [Tick: TimerID] = [:]
    private var round: UInt64 = 0
    private var answered: Set<Int> = []
    private let workerCount: Int
    /// nil where nothing is to outlive the process.
    let stateFile: StateFile?
    /// Saves the state at this moment.
    var saver: NativeThread?
    var isSaving = false
    let notices: NoticeSender
    var noticeGate: NoticeGate

    /// What the supervisor does by the clock.
    enum Tick: UInt32 {
        case ticketKeys, certificates, drainEnds, watchdog, state, listeners
    }

    init(
        plan: RunPlan, path: String?, options: DaemonOptions, workers: Int, ports: OpenPorts
    ) throws(StartFailure) {
        self.plan = plan
        self.path = path
        self.options = options
        workerCount = workers
        endpoints = ports.endpoints
        compiler = PlanCompiler(options: options)
        stateFile = (plan.state.path?.path ?? StateFile.standardPath).map(StateFile.init)
        settings = try compiler.compile(plan, workers: workers)
        if case .redis(let redis) = plan.state.store {
            storeSettings = try StoreSettings(redis)
            storeWatch = StoreWatch(name: redis.name, workers: workers)
        } else {
            storeSettings = nil
        }
        compiler.applyImmunities(plan, settings)
        noticeGate = NoticeGate(plan.notify?.rate ?? NotifyPlan.defaultRate)
        notices = NoticeSender(NoticeSettings(plan)) {
            StandardError.write("portreeve: \($0)\n")
        }
        // What root may open and the user may not is opened first. The log has a thread by then, which gives up root with
        // the others: in glibc these calls are the whole process's.
        do throws(LogError) {
            log = try DecisionLog(LogSettings(plan.log))
        } catch {
            throw .message(error.description)
        }
        let user = Self.userToBecome(plan.user)
        if let user { Self.give(plan.log, to: user) }
        controlSocket = ControlSocket(path: plan.admin.socket.path, owner: user)
        if let user, options.dropsPrivileges { try Self.drop(to: user) }
        do throws(Errno) {
            loop = try EventLoop()
            mailbox = try LoopMailbox()
        } catch {
            throw .message("cannot make an event loop: \(error)")
        }
    }

    /// The user that a process started as root becomes; nil where it is not root.
    private static func userToBecome(_ configured: String) -> String? {
        guard getuid() == 0 else { return nil }
        guard configured == RunPlan.defaultUser, Privileges.identity(of: configured) == nil else { return configured }
        StandardError.write("portreeve: warning: there is no user '\(configured)': running as '\(fallbackUser)'\n")
        return fallbackUser
    }

    /// The log file is to be opened again by the user, when it has been rotated.
    private static func give(_ log: LogPlan, to user: String) {
        guard case .file(let path) = log.destination, let (uid, gid) = Privileges.identity(of: user) else { return }
        _ = chown(path.path, uid, gid)
    }

    /// Stands in for the default user where no package has made it; a user that was configured is never replaced.
    private static let fallbackUser = "nobody"

    private static func drop(to user: String) throws(StartFailure) {
        do throws(Privileges.Failure) {
            try Privileges.drop(to: user)
        } catch {
            switch error {
            case .unknownUser(let name):
                throw .message("user '\(name)' does not exist: create it, or name another with `user:`")
            case .unknownGroup(let name): throw .message("group '\(name)' does not exist")
            case .refused(let errno): throw .message("cannot become user '\(user)': \(errno)")
            }
        }
    }

    // MARK: Running

    func run(_ ports: OpenPorts, ready: () -> Void) -> Int32 {
        do throws(Errno) {
            try begin(ports)
        } catch {
            complain("cannot start: \(error)")
            return 1
        }
        awaitFirstVisits()
        if loop.isRunning {
            if !isEnding {
                ready()
                ServiceManager.notify("READY=1\nSTATUS=serving \(endpoints.count) ports")
            }
            loop.run()
        }
        for thread in threads { thread.join() }
        notices.stop()
        saveStateAtEnd()
        log?.stop()
        return status
    }

    /// Nanoseconds that start-up waits for backends; after that they are served as they come.
    private static let visitPatience: UInt64 = 3_000_000_000

    /// Clients that connect at once would otherwise meet a proxy that does not know yet what it may offer.
    private func awaitFirstVisits() {
        let limit = Instant.current() + Self.visitPatience
        while loop.isRunning, health?.areAllVisited == false || storeWatch?.isUp == false, Instant.current() < limit {
            loop.turn(atMost: 100)
        }
        if let line = storeWatch?.missed() { complain(line) }
    }

    private func begin(_ ports: OpenPorts) throws(Errno) {
        try mailbox.attach(to: loop) { [unowned self] message in receive(message) }
        let signals = try Signals([SIGTERM, SIGINT, SIGHUP, SIGUSR1], on: loop) { [unowned self] in received(signal: $0)
        }
        _ = signals
        restoreState()
        arm(.state, after: Self.saveInterval)
        for number in 0..<workerCount { try startWorker(number) }
        for listener in settings[0] { open(listener.name, ports) }
        let health = HealthWatch(
            loop: loop, hostname: plan.hostname, runsSelfTest: options.selfTest
        ) { [unowned self] in probed($0, $1, $2) }
        self.health = health
        health.watch(settings[0])
        watchCertificates()
        control = controlSocket.flatMap { ControlServer($0, loop: loop) { [unowned self] in answer($0, $1) } }
        followFirewall()
        openStore()
        arm(.ticketKeys, after: UInt64(TicketKeys.lifetime) * 1_000_000_000)
        if let interval = Self.watchdogInterval { arm(.watchdog, after: interval) }
    }

    private func startWorker(_ number: Int) throws(Errno) {
        let inbox = try LoopMailbox<WorkerMessage>()
        let supervisor = mailbox
        let log = log
        let logsPermits = plan.log.format == .json
        let helper = helper
        let storeSettings = storeSettings
        workers.append(inbox)
        running.insert(number)
        let thread = try NativeThread.start("worker \(number)") {
            let worker = try? Worker(
                number: number, mailbox: inbox, log: log, logsPermits: logsPermits, supervisor: supervisor,
                helper: helper, store: storeSettings)
            worker?.run()
            supervisor.post(.workerEnded(number))
        }
        threads.append(thread)
    }

    /// Hands the sockets of a listener to the workers.
    func open(_ listener: String, _ ports: OpenPorts) {
        let sockets = ports.sockets[listener] ?? []
        let known = counters[listener] ?? (0..<workerCount).map { _ in Counters() }
        counters[listener] = known
        for (number, inbox) in workers.enumerated() {
            guard let port = settings[number].first(where: { $0.name == listener }) else { continue }
            inbox.post(
                .open(
                    port, sockets: number < sockets.count ? sockets[number] : [], counters: known[number],
                    deal: ports.inherited.contains(listener) ? Deal(inboxes: workers, counters: known) : nil))
        }
    }

    func complain(_ text: String) {
        StandardError.write("portreeve: \(text)\n")
    }

    // MARK: Messages and signals

    private func receive(_ message: SupervisorMessage) {
        switch message {
        case .workerEnded(let number):
            running.remove(number)
            if !isEnding {
                complain("worker \(number) ended unexpectedly")
                end(status: 1)
            }
            if running.isEmpty { loop.stop() }
        case .alive(let worker, let round):
            if round == self.round { answered.insert(worker) }
        case .banned(let subject):
            if case .net(let net) = subject { announce(net) }
            share(subject)
        case .notice(let notice): tell(notice)
        case .socketWanted(let ticket, let client, let destination): askForSocket(ticket, client, destination)
        case .store(let worker, let standing): storeChanged(worker, standing)
        case .stateSaved(let complaint): stateSaved(complaint)
        case .stop:
            end(status: 0)
        }
    }

    private func received(signal: Int32) {
        switch signal {
        case SIGHUP: _ = reload()
        case SIGUSR1: log?.reopen()
        case SIGTERM: drain()
        default: end(status: 0)
        }
    }

    /// 421 to idle sessions, messages in flight finish, and after `drain` everything ends.
    private func drain() {
        if isEnding { return end(status: 0) }
        isEnding = true
        ServiceManager.notify(
            "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=\(plan.protocolLimits.drain / 1000 + 5_000_000)")
        for worker in workers { worker.post(.drain) }
        arm(.drainEnds, after: plan.protocolLimits.drain)
    }

    private func end(status: Int32) {
        if !isEnding { ServiceManager.notify("STOPPING=1") }
        isEnding = true
        self.status = status
        for worker in workers { worker.post(.stop) }
    }

    // MARK: The clock

    func arm(_ tick: Tick, after nanoseconds: UInt64) {
        let timer = timers[tick] ?? loop.timers.make(self, tag: tick.rawValue)
        timers[tick] = timer
        loop.timers.arm(timer, at: .current() + nanoseconds)
    }

    func timerFired(tag: UInt32) {
        switch Tick(rawValue: tag) {
        case .ticketKeys:
            compiler.rotateTicketKeys()
            arm(.ticketKeys, after: UInt64(TicketKeys.lifetime) * 1_000_000_000)
        case .certificates:
            reloadPolicies()
            reloadCertificates()
        case .drainEnds: end(status: 0)
        case .watchdog: feedWatchdog()
        case .state: keepState()
        case .listeners: askForListeners()
        case nil: break
        }
    }

    /// Half of what the service manager allows, in nanoseconds; nil without a watchdog.
    private static var watchdogInterval: UInt64? {
        getenv("WATCHDOG_USEC").flatMap { UInt64(String(cString: $0)) }.map { $0 / 2 * 1000 }
    }

    /// Sent only when every worker's loop has gone round since the last time.
    private func feedWatchdog() {
        if round == 0 || answered.count == workerCount { ServiceManager.notify("WATCHDOG=1") }
        round += 1
        answered = []
        for worker in workers { worker.post(.ping(round: round)) }
        if let interval = Self.watchdogInterval { arm(.watchdog, after: interval) }
    }

    // MARK: Backends

    private func probed(_ backend: String, _ server: Int, _ report: ProbeReport) {
        for worker in workers { worker.post(.probed(backend: backend, server: server, report)) }
        guard case .disproved(let reason) = report.standing else { return }
        let endpoint = health?.servers.first { $0.backend == backend && $0.index == server }?.endpoint
        complain(
            "backend \(backend) \(endpoint?.description ?? ""): refused by the self-test: \(reason). It gets no sessions."
        )
        if health?.areAllDisproved == true {
            complain("no backend passed the self-test. Not running.")
            end(status: 1)
        }
    }
}

extension LogSettings {
    init(_ plan: LogPlan) {
        let destination: LogDestination =
            switch plan.destination {
            case .stderr: .standardError
            case .syslog: .syslog()
            case .file(let path): .file(path.path)
            }
        self.init(
            format: plan.format == .json ? .json : .postfix, destination: destination, ident: plan.ident)
    }
}
