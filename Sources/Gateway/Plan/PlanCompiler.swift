import Bytes
import Configuration
import Diagnostics
import Enforcement
import Policy
import Reactor
import SMTPSession
import TLSTransport
import Throttle

/// Turns a checked plan into what workers serve: contexts, certificates, servers.
///
/// What a reload must not change for connections that exist (ticket keys, books of sessions, slots in use) is kept here
/// from one plan to the next.
final class PlanCompiler {
    private var ticketKeys: [String: TicketKeys] = [:]
    private var ledgers: [String: Ledger] = [:]
    /// The buckets of every policy's limits: a reload forgives nothing.
    let buckets = LimitTable(exclusion: Lock.init)
    let peers = PeerBooks(exclusion: Lock.init)
    /// Logins that strangers judge teach nothing about our accounts.
    private(set) lazy var strangers = PeerBooks(bans: peers.bans, exclusion: Lock.init)
    private var slots: [String: [Endpoint: BackendSlots]] = [:]
    let options: DaemonOptions

    init(options: DaemonOptions) {
        self.options = options
    }

    /// The settings of every listener for each of `workers` workers: `[worker][listener]`.
    func compile(_ plan: RunPlan, workers: Int) throws(StartFailure) -> [[PortSettings]] {
        let backends = try resolve(plan)
        var result = [[PortSettings]](repeating: [], count: workers)
        for listener in plan.listeners {
            if let explanation = listener.explanation {
                let port = try intercepting(plan, listener, explanation)
                for worker in 0..<workers { result[worker].append(port) }
                continue
            }
            guard let backend = listener.backend.flatMap({ backends[$0] }) else {
                throw .message("listener \(listener.name): unknown backend \(listener.backend ?? "")")
            }
            let context = try context(plan, listener, backend)
            for worker in 0..<workers {
                result[worker].append(
                    PortSettings(
                        context: context, tls: try serverTLS(plan, listener), backendTLS: backend.tls,
                        proxyFrom: listener.proxyFrom, proxyRequired: listener.proxyRequired,
                        ledger: ledger(listener.name), slots: backend.slots, servers: backend.servers,
                        needsProof: options.selfTest))
            }
        }
        return result
    }

    /// A new key for every listener's tickets.
    func rotateTicketKeys() {
        // Without randomness the old keys stay: resumption goes on under keys that live longer than planned.
        for keys in ticketKeys.values { try? keys.rotate() }
    }

    func ledger(_ listener: String) -> Ledger {
        if let known = ledgers[listener] { return known }
        let ledger = Ledger()
        ledgers[listener] = ledger
        return ledger
    }

    private func context(
        _ plan: RunPlan, _ listener: ListenerPlan, _ backend: Resolved
    ) throws(StartFailure) -> SessionContext {
        let book = try book(plan.definitions(of: listener), listener, backend)
        return SessionContext(
            hostname: plan.hostname,
            listener: ListenerFacts(name: listener.name, port: listener.endpoints.first?.endpoint.port ?? 0),
            tls: SessionContext.ListenerTLS(rawValue: listener.tls.rawValue) ?? .none,
            limits: listener.protocolLimits, timeouts: listener.timeouts,
            book: book, backend: backend.profile, buckets: buckets, peers: peers)
    }

    /// What only monitors leaves relaying to the backend, so the backend must be proved to refuse it.
    private func book(
        _ policies: [PolicyDefinition], _ listener: ListenerPlan, _ backend: Resolved
    ) throws(StartFailure) -> RuleBook {
        let onlyMonitors = options.isMonitored || policies.contains { $0.mode == .monitor }
        guard options.selfTest || !onlyMonitors else {
            throw .message(
                "listener \(listener.name): monitoring a whole policy needs the self-test, which proves that the backend "
                    + "itself refuses relaying; run without --no-selftest")
        }
        return try checked(
            RuleBook(policies, realm: backend.profile.realm, isMonitored: options.isMonitored), listener)
    }

    /// The checker finds faults first; a book that has one all the same is not run.
    func checked(_ book: RuleBook, _ listener: ListenerPlan) throws(StartFailure) -> RuleBook {
        if let fault = book.faults.first {
            throw .message("listener \(listener.name): rule \(fault.rule) does not compile: \(fault.fault.reason)")
        }
        return book
    }
}

// MARK: TLS

extension PlanCompiler {
    private func serverTLS(_ plan: RunPlan, _ listener: ListenerPlan) throws(StartFailure) -> ServerTLSContext? {
        guard listener.tls != .none else { return nil }
        var options = ServerTLSOptions()
        options.ticketsOnGrant = true
        options.minimumVersion = listener.tlsOptions.minVersion == .tls13 ? .tls13 : .tls12
        options.clientCertificates = clientCertificates(listener.tlsOptions)
        do throws(TransportError) {
            return try ServerTLSContext(
                certificates: plan.certificates.map {
                    CertificateFiles(names: $0.names, chain: $0.chain.path, key: $0.key.path)
                },
                options: options, ticketKeys: try keys(listener))
        } catch {
            throw .message("listener \(listener.name): \(error.detail)")
        }
    }

    private func clientCertificates(_ options: TLSOptions) -> ServerTLSOptions.ClientCertificates {
        switch (options.clientCertificates, options.ca) {
        case (.request, let ca?): .request(ca: ca.path)
        case (.require, let ca?): .require(ca: ca.path)
        case (.none, _), (_, nil): .none
        }
    }

    /// Tickets of one listener mean nothing to another, nor to itself once it asks for other client certificates.
    private func keys(_ listener: ListenerPlan) throws(TransportError) -> TicketKeys {
        let certificates = "\(listener.tlsOptions.clientCertificates) \(listener.tlsOptions.ca?.path ?? "")"
        let name = "\(listener.name) \(certificates)"
        if let known = ticketKeys[name] { return known }
        let keys = try TicketKeys()
        ticketKeys[name] = keys
        return keys
    }
}

// MARK: Backends

extension PlanCompiler {
    struct Resolved {
        let profile: SessionContext.Backend
        let servers: [Endpoint]
        let slots: [BackendSlots]
        let tls: BackendTLSSettings?
    }

    private func resolve(_ plan: RunPlan) throws(StartFailure) -> [String: Resolved] {
        var result: [String: Resolved] = [:]
        for backend in plan.backends { result[backend.name] = try resolve(backend) }
        return result
    }

    private func resolve(_ backend: BackendPlan) throws(StartFailure) -> Resolved {
        var servers: [Endpoint] = []
        for server in backend.servers { servers += try addresses(of: server, in: backend) }
        var known = slots[backend.name] ?? [:]
        let ours = servers.map { server -> BackendSlots in
            let slots = known[server] ?? BackendSlots(limit: backend.maxSessions)
            slots.setLimit(backend.maxSessions)
            known[server] = slots
            return slots
        }
        slots[backend.name] = known
        return Resolved(
            profile: profile(backend), servers: servers, slots: ours, tls: try backendTLS(backend))
    }

    private func addresses(of server: ServerAddress, in backend: BackendPlan) throws(StartFailure) -> [Endpoint] {
        switch server.host {
        case .address(let address):
            return [Endpoint(address: address, port: server.port)]
        case .name(let name):
            let addresses = HostLookup.addresses(of: name)
            guard !addresses.isEmpty else {
                throw .message("backend \(backend.name): no address for '\(name)'")
            }
            return addresses.map { Endpoint(address: $0, port: server.port) }
        }
    }

    private func profile(_ backend: BackendPlan) -> SessionContext.Backend {
        SessionContext.Backend(
            name: backend.name, identity: BackendIdentity(rawValue: backend.identity.rawValue) ?? .none,
            tls: BackendTLS(rawValue: backend.tls.rawValue) ?? .none, judgesLogins: backend.auth == .relay,
            realm: backend.realm.map { CanonicalName.domain(Array($0.utf8)) })
    }

    private func backendTLS(_ backend: BackendPlan) throws(StartFailure) -> BackendTLSSettings? {
        guard backend.tls != .none else { return nil }
        var options = ClientTLSOptions()
        options.verify = backend.verify
        options.ca = backend.ca?.path
        let name = backend.tlsName ?? backend.servers.lazy.compactMap(\.name).first
        do throws(TransportError) {
            return BackendTLSSettings(
                context: try ClientTLSContext(options), peer: name.map { .name($0) })
        } catch {
            throw .message("backend \(backend.name): \(error.detail)")
        }
    }
}

extension ServerAddress {
    fileprivate var name: String? {
        switch host {
        case .address: nil
        case .name(let name): name
        }
    }
}
