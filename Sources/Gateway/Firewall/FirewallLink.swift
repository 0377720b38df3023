import Bytes
import FirewallPlan
import Glibc
import Reactor

/// A net that is to be kept away by the packet filter as well.
struct KernelBan: Equatable, Sendable {
    var net: AddressPrefix
    var seconds: UInt64
}

/// The gateway's line to `portreeve-firewall`: bans become elements of a kernel set, so a banned flood costs dropped SYNs,
/// and intercepted sessions get their sockets.
///
/// No session that was meant for us depends on it. While the helper is away bans act at accept, as they always do; when it
/// comes back it is told of all that hold. The gateway has no capability: the helper judges each request by the policy
/// that is in force.
final class FirewallLink: EventHandler, TimerHandler {
    /// Nanoseconds between attempts to reach the helper: the first, and the longest.
    private static let firstPause: UInt64 = 1_000_000_000
    private static let longestPause: UInt64 = 5_000_000_000
    /// Requests that wait for their replies; beyond it no socket is asked for.
    private static let longestQueue = 4096
    /// Requests that wait for a helper that does not read; beyond it the line is cut and begun anew.
    private static let backlog = 4 << 20
    private static let longestReply = 1 << 16

    let path: String
    private let loop: EventLoop
    private let standing: () -> [KernelBan]
    private let say: (String) -> Void
    private let changed: (Bool) -> Void
    private var socket: Socket?
    private var registration: Registration?
    private var timer: TimerID?
    private var pause = FirewallLink.firstPause
    private var input: [UInt8] = []
    private var output: [UInt8] = []
    /// Descriptors that came and whose replies have not been read yet.
    private var descriptors: [Int32] = []
    /// What becomes of the replies that are due, oldest first.
    private var due = Due()
    /// The helper had no table to put a ban into: it is told again.
    private var isBehind = false
    /// What was complained of on this connection or attempt, so that it is said once.
    private var complaints: Set<String> = []

    /// `standing` are the bans that hold now; `say` gets a line for each change for the operator; `changed` hears whether
    /// the helper is there.
    init(
        path: String, loop: EventLoop, standing: @escaping () -> [KernelBan], say: @escaping (String) -> Void,
        changed: @escaping (Bool) -> Void
    ) {
        (self.path, self.loop, self.standing, self.say, self.changed) = (path, loop, standing, say, changed)
    }

    var isConnected: Bool { registration != nil }

    func start() {
        timer = loop.timers.make(self)
        connect()
    }

    func stop() {
        disconnect()
        if let timer { loop.timers.discard(timer) }
        timer = nil
    }

    func hold(_ ban: KernelBan) {
        send(.ban(ban.net, milliseconds: ban.seconds.multipliedReportingOverflow(by: 1000).partialValue, reason: "ban"))
    }

    func lift(_ net: AddressPrefix) {
        send(.forget(.banned, net))
    }

    /// Asks for a socket; `receive` is called once, at once if nobody can be asked.
    func ask(_ request: HelperRequest, _ receive: @escaping (SocketAnswer) -> Void) {
        guard isConnected else { return receive(.refused(.away, "the packet filter's helper is not there")) }
        guard due.count < Self.longestQueue else {
            return receive(.refused(.busy, "the packet filter's helper does not keep up"))
        }
        send(request, receive)
    }
}

// MARK: The connection

extension FirewallLink {
    private func connect() {
        do throws(Errno) {
            let made = try Socket.connect(toPath: path)
            registration = try loop.register(made.rawValue, self)
            socket = consume made
            say("bans reach the packet filter by way of \(path)")
            complaints = []
            pause = Self.firstPause
            changed(true)
            tellAll()
        } catch {
            complain("the packet filter's helper does not answer, bans act at accept only: \(path): \(error)")
            retry()
        }
    }

    private func tellAll() {
        isBehind = false
        for ban in standing() { hold(ban) }
    }

    private func disconnect() {
        guard let registration else { return }
        loop.deregister(registration)
        self.registration = nil
        socket = nil
        input = []
        output = []
        for descriptor in descriptors { _ = FileDescriptor(owning: descriptor) }
        descriptors = []
        changed(false)
        for receive in due.takeAll() { receive?(.refused(.away, "the packet filter's helper is gone")) }
    }

    private func lost(_ why: String) {
        disconnect()
        complain("the packet filter's helper is gone, bans act at accept only: \(why)")
        retry()
    }

    private func retry() {
        guard let timer else { return }
        loop.timers.arm(timer, at: .current() + pause)
        pause = min(pause * 2, Self.longestPause)
    }

    func timerFired(tag: UInt32) {
        if !isConnected {
            connect()
        } else if isBehind {
            tellAll()
        }
    }

    func complain(_ text: String) {
        if complaints.insert(text).inserted { say(text) }
    }
}

// MARK: Requests and replies

extension FirewallLink {
    func ready(_ readiness: Readiness, tag: UInt32) {
        flush()
        while isConnected {
            guard let octets = receive() else { return }
            input += octets
            takeReplies()
        }
    }

    /// What has arrived; nil when there is no more, or no connection any more.
    private func receive() -> [UInt8]? {
        do throws(Errno) {
            guard let part = try socket?.receive(4096), let octets = part.octets else { return nil }
            if let descriptor = part.takeDescriptor() { descriptors.append(descriptor.take()) }
            guard octets.isEmpty else { return octets }
            lost("it closed the connection")
        } catch {
            lost(error.description)
        }
        return nil
    }

    private func send(_ request: HelperRequest, _ receive: ((SocketAnswer) -> Void)? = nil) {
        guard isConnected else { return }
        due.append(receive)
        output += Frame.encode(request)
        flush()
        if output.count > Self.backlog { lost("it does not read") }
    }

    private func flush() {
        var sent = 0
        while sent < output.count, let descriptor = socket?.rawValue {
            let count = output[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { break }
            sent += count
        }
        output.removeFirst(min(sent, output.count))
    }

    /// Replies come in the order of requests, descriptors in the order of the replies that they come with.
    private func takeReplies() {
        while input.count >= Frame.headerLength {
            guard let length = Frame.bodyLength(Array(input.prefix(Frame.headerLength))), length <= Self.longestReply
            else { return lost("its reply is too long") }
            guard input.count >= Frame.headerLength + length else { return }
            let body = Array(input[Frame.headerLength..<(Frame.headerLength + length)])
            input.removeFirst(Frame.headerLength + length)
            guard let reply = try? HelperReply(wire: body) else { return lost("its reply cannot be read") }
            guard isConnected else { return }
            take(reply)
        }
    }

    private func take(_ reply: HelperReply) {
        guard let receive = due.next() else { return lost("it answers what was not asked") }
        switch reply {
        case .socket where !descriptors.isEmpty:
            let descriptor = descriptors.removeFirst()
            if let receive { receive(.granted(descriptor)) } else { _ = FileDescriptor(owning: descriptor) }
        case .refused(let refusal):
            if let receive { receive(.refused(.said(refusal.code), refusal.message)) } else { refused(refusal) }
        case .socket, .done, .applied, .status, .counters, .offenders, .hosts, .ruleset, .attempt:
            receive?(.refused(.said(.malformed), "the packet filter's helper sent no socket"))
        }
    }

    private func refused(_ refusal: HelperReply.Refusal) {
        switch refusal.code {
        // A net wider than a host, a host that the policy spares, a ban that has ended: nothing to mend.
        case .outsidePolicy: break
        case .state:
            guard !isBehind else { return }
            isBehind = true
            retry()
        case .notPermitted, .unsupported, .kernel, .busy, .malformed:
            complain("the packet filter's helper refused a ban: \(refusal.message)")
        }
    }
}
