import Bytes
import Configuration
import Control
import Enforcement
import FirewallPlan
import Glibc
import Policy
import TLSTransport
import Telemetry

// What `portreeve status` and `portreeve reload` are answered.

extension Supervisor {
    func answer(_ input: ControlInput, _ done: @escaping (ControlReply) -> Void) {
        switch input {
        case .request(.status): done(ControlReply(ok: true, message: "running", status: statusReport))
        case .request(.reload): done(reload())
        case .request(.listBans): done(listBans())
        case .request(.addBan(let subject, let seconds, let reason)): done(addBan(subject, seconds, reason))
        case .request(.removeBan(let subject)): done(removeBan(subject))
        case .request(.listLimits): withBuckets { done(self.listLimits($0)) }
        case .request(.getLimit(let key)): withBuckets { done(self.limits(of: key, $0)) }
        case .request(.resetLimit(let key)): withBuckets { done(self.resetLimits(of: key, $0)) }
        case .refused(let error): done(ControlReply(error))
        case .incomplete: done(ControlReply(.unknown))
        }
    }

    private var statusReport: StatusReport {
        let listeners = settings[0].map(listenerStatus)
        let statistics = log?.statistics ?? LogStatistics()
        return StatusReport(
            version: options.version, pid: getpid(), started: UTCTime(startedAt), now: UTCTime(.now()),
            workers: workers.count, isDraining: isEnding,
            configuration: ConfigurationStatus(
                path: path ?? "", hash: plan.hash, loaded: UTCTime(loadedAt), lastReload: lastReload),
            listeners: listeners, backends: backendStatus, certificates: certificateStatus,
            store: storeWatch?.status(unanswered: unanswered), messages: listeners.reduce(0) { $0 + $1.messages },
            logDrops: statistics.dropped + statistics.lost)
    }

    private var unanswered: UInt64 {
        counters.values.joined().reduce(0) { $0 + $1.snapshot[.storeUnanswered] }
    }

    private func listenerStatus(_ port: PortSettings) -> ListenerStatus {
        let sum = (counters[port.name] ?? []).reduce(CounterSnapshot()) { $0 + $1.snapshot }
        return ListenerStatus(
            name: port.name,
            endpoints: port.interception == nil
                ? endpoints.filter { $0.listener == port.name }.map { $0.endpoint.description } : [interceptionStatus],
            policies: port.context.book.policyNames, activeSessions: UInt64(port.ledger.total),
            connections: sum[.connections], refused: sum[.connectionsRefused] + sum[.refusals], messages: sum[.messages]
        )
    }

    private var interceptionStatus: String {
        guard helper.isThere else { return "intercepts: the helper is away, 421" }
        let purposes = plan.firewall?.interceptedPurposes ?? []
        let held = Set(listening.filter { $0.value == .held }.map { Interception.Purpose($0.key.slot.intercepted) })
        return purposes.isEmpty || held != purposes ? "intercepts: no zone is applied" : "intercepts"
    }

    private var backendStatus: [BackendStatus] {
        let servers = health?.servers ?? []
        return plan.backends.map { backend in
            BackendStatus(
                name: backend.name,
                servers: servers.filter { $0.backend == backend.name }.map { server in
                    ServerStatus(
                        address: server.endpoint.description, state: server.state, reason: server.reason,
                        sessions: server.slots.inUse)
                })
        }
    }

    private var certificateStatus: [CertificateStatus] {
        guard let tls = settings[0].lazy.compactMap(\.tls).first else { return [] }
        return tls.certificates.map { CertificateStatus(names: $0.names, expires: UTCTime(seconds: $0.notAfter)) }
    }
}

extension HealthWatch.Watched {
    fileprivate var state: ServerStatus.State {
        switch standing {
        case .disproved: .disproved
        case .unproven where isUp || !wasVisited: .unproven
        case .unproven: .down
        case .proven: isUp || !wasVisited ? .up : .down
        }
    }

    fileprivate var reason: String? {
        if case .disproved(let reason) = standing { reason } else { nil }
    }
}

extension UTCTime {
    init(_ time: WallTime) {
        self.init(seconds: time.nanoseconds / 1_000_000_000)
    }
}
