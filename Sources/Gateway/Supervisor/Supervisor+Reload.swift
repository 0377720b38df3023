import Configuration
import Control
import Diagnostics
import Enforcement
import Glibc
import Reactor
import TLSTransport
import Telemetry

// Reloading: check everything, then swap everything; on any fault the old configuration stays and says so.

extension Supervisor {
    /// SIGHUP, or `portreeve reload`.
    func reload() -> ControlReply {
        guard let path else { return ControlReply(ok: false, message: "there is no configuration file to read again") }
        ServiceManager.notify("RELOADING=1\nMONOTONIC_USEC=\(Instant.current().nanoseconds / 1000)")
        let reply = reload(from: path)
        lastReload = ReloadStatus(time: UTCTime(.now()), ok: reply.ok, message: reply.message)
        if let findings = reply.findings { StandardError.write(findings) }
        complain(reply.ok ? reply.message : "\(reply.message). The old configuration stays.")
        ServiceManager.notify("READY=1\nSTATUS=\(reply.message)")
        return reply
    }

    private func reload(from path: String) -> ControlReply {
        let outcome = Configuration.load(path: path, checks: ConfigurationChecks(inspect: CertificateCheck.inspect))
        let findings = outcome.findings.isEmpty ? nil : outcome.rendered()
        guard let new = outcome.plan else {
            return ControlReply(ok: false, message: "not reloaded: the configuration has errors", findings: findings)
        }
        let keys = new.keysNeedingRestart(since: plan, mayBindPrivileged: getuid() == 0)
        guard keys.isEmpty else {
            return ControlReply(
                ok: false, message: "not reloaded: restart needed: \(keys.joined(separator: ", "))", findings: findings)
        }
        do throws(StartFailure) {
            try adopt(new)
        } catch {
            return ControlReply(ok: false, message: "not reloaded", findings: error.description)
        }
        return ControlReply(ok: true, message: "reloaded \(path)", findings: findings)
    }

    /// Makes everything that `new` needs, then swaps it in.
    private func adopt(_ new: RunPlan) throws(StartFailure) {
        let compiled = try compiler.compile(new, workers: workers.count)
        let kept = Set(
            new.listeners.filter { listener in plan.listeners.contains { $0.isBound(like: listener) } }.map(\.name))
        // A listener that moves closes its old ports first, since the new ones may overlap them.
        let removed = plan.listeners.filter { !kept.contains($0.name) }
        let added = new.listeners.filter { !kept.contains($0.name) }
        let ports = try openAdded(added, beside: removed)
        plan = new
        settings = compiled
        compiler.applyImmunities(new, compiled)
        applyNotices()
        followFirewall()
        loadedAt = .now()
        for listener in removed {
            for worker in workers { worker.post(.close(listener: listener.name)) }
            endpoints.removeAll { $0.listener == listener.name }
        }
        for (number, worker) in workers.enumerated() {
            for port in compiled[number] where kept.contains(port.name) { worker.post(.apply(port)) }
        }
        for listener in added { open(listener.name, ports) }
        endpoints += ports.endpoints
        if removed.contains(where: \.intercepts) { listening = [:] }
        askForListeners()
        health?.watch(compiled[0])
        watchCertificates()
    }

    private func openAdded(_ added: [ListenerPlan], beside removed: [ListenerPlan]) throws(StartFailure) -> OpenPorts {
        let held = Set(removed.flatMap(\.endpoints).map(\.endpoint))
        var findings: [Finding] = []
        let ports = OpenPorts.open(
            added, workers: workers.count, inherited: [], held: held, findings: &findings)
        guard findings.isEmpty else {
            ports.closeAll()
            throw .findings(FindingRenderer(sources: []).render(findings, as: .text))
        }
        return ports
    }
}

extension ListenerPlan {
    /// Whether `other` is the same listener on the same ports, whatever else changed.
    fileprivate func isBound(like other: ListenerPlan) -> Bool {
        name == other.name && binding == other.binding
    }
}

// MARK: Files that change

extension Supervisor {
    /// Nanoseconds of quiet after a change, because renewals write chain and key one after the other.
    static var settleTime: UInt64 { 500_000_000 }

    /// Watches the directories of all certificate, policy and list files (and what their links lead to).
    func watchCertificates() {
        let files = plan.certificates.flatMap { [$0.chain.path, $0.key.path] } + plan.policyFiles
        guard !files.isEmpty else { return }
        // Without inotify, certificates are read again by SIGHUP only.
        guard
            let watch = watch
                ?? (try? FileWatch(
                    on: loop,
                    { [unowned self] _ in
                        arm(.certificates, after: Self.settleTime)
                    }))
        else { return complain("certificates and policies are not watched for changes") }
        self.watch = watch
        for file in Set(files + files.map(Self.target)) { try? watch.watch(directoryOf: file) }
    }

    private static func target(of file: String) -> String {
        guard let resolved = realpath(file, nil) else { return file }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// New handshakes get the new certificates if every chain matches its key; otherwise the old ones stay.
    func reloadCertificates() {
        do throws(StartFailure) {
            let fresh = try compiler.compile(plan, workers: workers.count)
            guard CertificateCheck.summary(fresh[0]) != CertificateCheck.summary(settings[0]) else { return }
            settings = fresh
            for (number, worker) in workers.enumerated() {
                for port in fresh[number] { worker.post(.apply(port)) }
            }
            complain("certificates read again")
        } catch {
            complain("certificates changed, but \(error). The old ones stay.")
        }
    }

    /// Sessions get the policies and lists as they are now at their next MAIL, if they have no error; otherwise the old
    /// ones stay.
    func reloadPolicies() {
        let fresh = plan.withFreshPolicies(ConfigurationChecks(inspect: CertificateCheck.inspect))
        guard let new = fresh.plan else {
            StandardError.write(fresh.rendered())
            return notePolicies(ok: false, "policies changed, but have errors. The old ones stay.")
        }
        guard !new.hasSamePolicies(as: plan) else { return }
        do throws(StartFailure) {
            try adopt(new)
            notePolicies(ok: true, "policies read again: \(new.policiesInUse.joined(separator: ", "))")
        } catch {
            notePolicies(ok: false, "policies changed, but \(error). The old ones stay.")
        }
    }

    private func notePolicies(ok: Bool, _ message: String) {
        lastReload = ReloadStatus(time: UTCTime(.now()), ok: ok, message: message)
        complain(message)
    }
}
