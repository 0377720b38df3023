import Bytes
public import FirewallPlan
import Glibc
public import Reactor

/// The helper as a daemon: asked on a unix-domain socket, it keeps the kernel as the confirmed plan wants it.
///
/// One loop on one thread does everything. root may ask everything; the gateway's user may ask for sockets, bans and
/// numbers; nobody else gets as far as a request.
public final class HelperServer: EventHandler, TimerHandler {
    /// Conversations at once.
    static let connections = 64
    private static let saveInterval: UInt64 = 30_000_000_000
    /// After a foreign change: long enough for its other halves to arrive, far below the two seconds that are promised.
    private static let repairDelay: UInt64 = 50_000_000

    enum Clock: UInt32 { case repair, confirmation, save, reading }

    public let keeper: FirewallKeeper
    let loop: EventLoop
    let gatewayUser: UInt32?
    private let listener: Listener
    let say: (String) -> Void
    /// Reads a policy's files.
    let readPolicy: (PolicyOrigin) throws(PolicyReadingFault) -> Deployment
    var fileWatch: FileWatch?
    /// The day (UTC, since 1970) whose lists are in force.
    var lastDay: UInt64
    private var watch: TableWatch?
    private var log: PacketLog?
    private var logGroup: UInt16?
    private var culprit: Culprit?
    private var conversations: [ObjectIdentifier: HelperConversation] = [:]
    private var timers: [Clock: TimerID] = [:]
    let sockets = TransparentSockets()

    /// Listens on `path`; `gatewayUser` may ask for what a gateway needs.
    ///
    /// `say` gets one line for each event; `readPolicy` reads an applied policy's files again.
    public init(
        keeper: FirewallKeeper, path: String, gatewayUser: (uid: UInt32, gid: UInt32)?, on loop: EventLoop,
        say: @escaping (String) -> Void,
        readPolicy: @escaping (PolicyOrigin) throws(PolicyReadingFault) -> Deployment
    ) throws(Errno) {
        (self.keeper, self.loop, self.gatewayUser, self.say) = (keeper, loop, gatewayUser?.uid, say)
        self.readPolicy = readPolicy
        lastDay = 0
        listener = try Listener(path: path, mode: gatewayUser == nil ? 0o600 : 0o660)
        // In a user namespace the group may have no number; root's commands work nevertheless.
        if let gatewayUser, chown(path, 0, gatewayUser.gid) != 0 {
            say("the gateway's user cannot be let in: \(path): \(Errno.last)")
        }
        _ = try loop.register(listener.rawValue, self)
        for clock in [Clock.repair, .confirmation, .save, .reading] {
            timers[clock] = loop.timers.make(self, tag: clock.rawValue)
        }
    }

    /// Puts the confirmed plan into the kernel, then watches over it.
    public func start() throws(FirewallFault) {
        watch = try TableWatch(table: Table.ours.name, ourPort: keeper.link.port, on: loop) { [unowned self] culprit in
            touched(by: culprit)
        }
        if let operations = try keeper.applyConfirmed() {
            say("policy \(keeper.applied?.policy ?? "") is in force: \(operations.count) operations")
        } else {
            say("no confirmed policy: nothing is applied until 'portreeve firewall apply'")
        }
        followLog()
        followFiles()
        // Days may have passed since that policy was written down.
        followDays()
        arm(.save, Self.saveInterval)
    }

    /// The last thing: what was learnt is written down.
    public func finish() {
        keeper.saveOffenders()
    }
}

// MARK: Events

extension HelperServer {
    public func ready(_ readiness: Readiness, tag: UInt32) {
        while true {
            do throws(Errno) {
                guard let accepted = try listener.accept() else { return }
                admit(accepted.takeSocket())
            } catch {
                say("cannot accept a connection: \(error)")
                return
            }
        }
    }

    private func admit(_ socket: consuming Socket) {
        guard conversations.count < Self.connections, let peer = try? socket.peerCredentials(),
            let right = right(of: peer.uid)
        else { return }
        guard let conversation = try? HelperConversation(socket, right, of: self, on: loop) else { return }
        conversations[ObjectIdentifier(conversation)] = conversation
    }

    private func right(of uid: UInt32) -> HelperConversation.Right? {
        if uid == 0 || uid == geteuid() { return .administrator }
        return uid == gatewayUser ? .gateway : nil
    }

    func ended(_ conversation: HelperConversation) {
        conversations[ObjectIdentifier(conversation)] = nil
    }

    public func timerFired(tag: UInt32) {
        switch Clock(rawValue: tag) {
        case .repair: repair()
        case .confirmation: confirmationIsDue()
        case .save:
            keeper.saveOffenders()
            followDays()
            arm(.save, Self.saveInterval)
        case .reading: read(isAsked: false)
        case nil: break
        }
    }

    func arm(_ clock: Clock, _ nanoseconds: UInt64) {
        if let timer = timers[clock] { loop.timers.arm(timer, at: .current() + nanoseconds) }
    }
}

// MARK: The plan

extension HelperServer {
    /// Answers what concerns the kernel, and sees to what follows from a change.
    func answer(_ request: HelperRequest) -> HelperReply {
        let reply = keeper.answer(request)
        switch request {
        case .apply, .confirm, .off: settled(request, reply)
        default: break
        }
        return reply
    }

    private func settled(_ request: HelperRequest, _ reply: HelperReply) {
        if case .refused(let refusal) = reply {
            say("refused: \(refusal.message)")
        } else {
            say("\(request.word): \(keeper.applied.map { "policy \($0.policy) \($0.digest)" } ?? "nothing is applied")")
        }
        guard let timer = timers[.confirmation] else { return }
        if let deadline = keeper.confirmDeadline {
            let now = keeper.clock()
            loop.timers.arm(timer, at: .current() + (deadline - min(deadline, now)) * 1_000_000)
        } else {
            loop.timers.cancel(timer)
        }
        followLog()
        followFiles()
    }

    private func confirmationIsDue() {
        guard keeper.confirmDeadline != nil else { return }
        switch keeper.rollBack() {
        case .refused(let refusal):
            say("nobody confirmed, and taking it back failed: \(refusal.message); trying again")
            arm(.confirmation, 1_000_000_000)
        default:
            say(
                "nobody confirmed: taken back; \(keeper.applied.map { "policy \($0.policy)" } ?? "nothing") is in force"
            )
            followLog()
        }
    }

    private func touched(by culprit: Culprit?) {
        self.culprit = culprit ?? self.culprit
        guard let timer = timers[.repair], !loop.timers.isArmed(timer) else { return }
        loop.timers.arm(timer, at: .current() + Self.repairDelay)
    }

    private func repair() {
        do throws(FirewallFault) {
            let operations = try keeper.repair(after: culprit)
            if !operations.isEmpty {
                say(
                    "\(culprit?.description ?? "somebody") changed our table: restored with \(operations.count) operations"
                )
            }
            culprit = nil
        } catch {
            say("our table was changed and could not be restored: \(error); trying again")
            arm(.repair, 500_000_000)
        }
    }
}

// MARK: The log

extension HelperServer {
    /// Reads the log group that the plan writes to.
    func followLog() {
        let group = keeper.applied?.ruleset.logGroup
        guard group != logGroup else { return }
        logGroup = group
        log?.stop()
        log = nil
        guard let group else { return }
        do throws(FirewallFault) {
            log = try PacketLog(group: group, on: loop) { [unowned self] in record($0) }
        } catch {
            say("nobody will know who tried: \(error)")
        }
    }

    private func record(_ record: PacketRecord) {
        keeper.lostRecords = log?.lost ?? 0
        guard let attempt = Attempt(record, at: keeper.clock()) else { return }
        keeper.note(attempt)
        for conversation in conversations.values { conversation.tell(attempt) }
    }
}

extension HelperRequest {
    fileprivate var word: String {
        switch self {
        case .apply: "applied"
        case .confirm: "confirmed"
        case .off: "off"
        default: ""
        }
    }
}
