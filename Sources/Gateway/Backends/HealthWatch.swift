import Bytes
import Enforcement
import Reactor
import SMTPSession
import TLSTransport

/// Visits every server of every backend: at start, again until it answers, and from then on to see that it still does.
///
/// Lives on the supervisor's loop; what it finds is told to the workers and kept for `status`.
final class HealthWatch: TimerHandler {
    /// Nanoseconds between visits to a server that answers, and to one that does not.
    static let calmInterval: UInt64 = 30_000_000_000
    static let anxiousInterval: UInt64 = 2_000_000_000

    private let loop: EventLoop
    private let pool = BufferPool()
    private let hostname: String
    private let runsSelfTest: Bool
    private let found: (String, Int, ProbeReport) -> Void
    private(set) var servers: [Watched] = []

    /// A server and what is known of it.
    struct Watched {
        let backend: String
        let index: Int
        let endpoint: Endpoint
        let identity: BackendIdentity
        let mode: BackendTLS
        let tls: BackendTLSSettings?
        let slots: BackendSlots
        var standing: BackendServer.Standing
        var isUp = false
        var wasVisited = false
        var isVisiting = false
        var timer: TimerID?
    }

    init(
        loop: EventLoop, hostname: String, runsSelfTest: Bool, found: @escaping (String, Int, ProbeReport) -> Void
    ) {
        self.loop = loop
        self.hostname = hostname
        self.runsSelfTest = runsSelfTest
        self.found = found
    }

    /// Watches these servers from now on, and no others.
    func watch(_ settings: [PortSettings]) {
        for server in servers { server.timer.map(loop.timers.discard) }
        let known = servers
        servers = []
        var seen: Set<String> = []
        for port in settings where seen.insert(port.context.backend.name).inserted {
            for (index, endpoint) in port.servers.enumerated() {
                let before = known.first { $0.backend == port.context.backend.name && $0.endpoint == endpoint }
                servers.append(
                    Watched(
                        backend: port.context.backend.name, index: index, endpoint: endpoint,
                        identity: port.context.backend.identity, mode: port.context.backend.tls,
                        tls: port.backendTLS, slots: port.slots[index],
                        standing: before?.standing ?? (runsSelfTest ? .unproven : .proven),
                        isUp: before?.isUp ?? false, wasVisited: before?.wasVisited ?? false))
            }
        }
        for place in servers.indices { visit(place) }
    }

    func timerFired(tag: UInt32) {
        visit(Int(tag))
    }

    /// True once every server was visited, whether it answered or not.
    var areAllVisited: Bool { servers.allSatisfy(\.wasVisited) }

    /// True once every server was visited and each of them failed the self-test.
    var areAllDisproved: Bool {
        !servers.isEmpty
            && servers.allSatisfy {
                if case .disproved = $0.standing { true } else { false }
            }
    }

    private func visit(_ place: Int) {
        guard servers.indices.contains(place), !servers[place].isVisiting else { return }
        servers[place].isVisiting = true
        let server = servers[place]
        let proves = runsSelfTest && server.standing != .proven
        switch server.identity {
        case .proxyV1 where proves, .proxyV2 where proves:
            PROXYProbe(loop: loop, pool: pool, endpoint: server.endpoint) { [weak self] standing in
                guard case .proven = standing else {
                    return self?.visited(server, ProbeReport(standing: standing)) ?? ()
                }
                self?.visitOpenly(server, proves: proves)
            }.start()
        case .proxyV1, .proxyV2, .xclient, .none:
            visitOpenly(server, proves: proves)
        }
    }

    private func visitOpenly(_ server: Watched, proves: Bool) {
        BackendProbe(
            loop: loop, pool: pool, endpoint: server.endpoint, identity: server.identity, tls: server.tls,
            mode: server.mode, hostname: hostname, provesSafety: proves
        ) { [weak self] report in
            self?.visited(server, report)
        }.start()
    }

    private func visited(_ server: Watched, _ report: ProbeReport) {
        guard
            let place = servers.firstIndex(where: {
                $0.backend == server.backend && $0.index == server.index && $0.endpoint == server.endpoint
            })
        else { return }
        servers[place].isVisiting = false
        servers[place].isUp = report.isReachable
        servers[place].wasVisited = true
        if let standing = report.standing { servers[place].standing = standing }
        found(server.backend, server.index, report)
        let isCalm = report.isReachable && servers[place].standing == .proven
        let timer = servers[place].timer ?? loop.timers.make(self, tag: UInt32(place))
        servers[place].timer = timer
        loop.timers.arm(timer, at: loop.now + (isCalm ? Self.calmInterval : Self.anxiousInterval))
    }
}
