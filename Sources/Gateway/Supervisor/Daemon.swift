public import Bytes
public import Configuration
import Diagnostics
import Enforcement
import Glibc
import Reactor
import TLSTransport
import Telemetry

/// The running proxy: workers that serve, and a supervisor that watches over them.
///
/// `init` opens ports, certificates and the log and gives up root; `run` starts the threads and returns when the daemon
/// has ended. Everything that an operator may do to it afterwards (signals, control socket, changed certificates) meets
/// the supervisor, on the thread that called `run`.
public final class Daemon {
    let supervisor: Supervisor
    private let ports: OpenPorts

    /// - Throws: `StartFailure` with every port, certificate or file that stands in the way.
    public init(plan: RunPlan, configurationPath: String?, options: DaemonOptions) throws(StartFailure) {
        Signals.ignoreBrokenPipe()
        do throws(Errno) {
            try Signals.blockAll()
        } catch {
            throw .message("cannot block signals: \(error)")
        }
        // Best effort: without it there are fewer sessions, and accept says so.
        _ = try? Privileges.raiseDescriptorLimit()
        let workers = plan.workers == 0 ? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) : plan.workers
        ports = try Self.openPorts(plan, max(1, workers), configurationPath)
        supervisor = try Supervisor(
            plan: plan, path: configurationPath, options: options, workers: max(1, workers), ports: ports)
    }

    /// Where each listener listens, with the ports that the kernel chose.
    public var listening: [(name: String, endpoint: Endpoint)] {
        ports.endpoints.map { ($0.listener, $0.endpoint) }
    }

    /// The listener of intercepted sessions and the helper's socket, if there is one.
    public var intercepting: (name: String, helper: String)? {
        guard let listener = supervisor.plan.listeners.first(where: \.intercepts),
            let firewall = supervisor.plan.firewall
        else { return nil }
        return (listener.name, firewall.socket)
    }

    /// Serves until the end and returns the exit status.
    ///
    /// `ready` is called on this thread once all listeners accept and every server was visited, or did not answer in time.
    public func run(ready: () -> Void = {}) -> Int32 {
        supervisor.run(ports, ready: ready)
    }

    /// Ends the daemon at once, from any thread.
    public var stopper: Stopper { Stopper(mailbox: supervisor.mailbox) }

    /// Can end a daemon from another thread.
    public struct Stopper: Sendable {
        let mailbox: LoopMailbox<SupervisorMessage>

        public func stop() {
            mailbox.post(.stop)
        }
    }

    private static func openPorts(_ plan: RunPlan, _ workers: Int, _ path: String?) throws(StartFailure) -> OpenPorts {
        var findings: [Finding] = []
        let ports = OpenPorts.open(
            plan.listeners, workers: workers, inherited: ServiceManager.inheritedSockets(), findings: &findings)
        guard findings.isEmpty else {
            let sources = path.map { Configuration.load(path: $0).sources } ?? []
            throw .findings(FindingRenderer(sources: sources).render(findings, as: .text))
        }
        return ports
    }
}
