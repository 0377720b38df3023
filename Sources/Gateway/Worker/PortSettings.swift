import Bytes
import Enforcement
import Policy
public import Reactor
import TLSTransport
import Telemetry
public import Throttle

/// A listener as one worker is to serve it: made by the supervisor, immutable, replaced by a reload.
///
/// A class, because every session keeps the one that it began with.
final class PortSettings: Sendable {
    let context: SessionContext
    /// nil where the listener has no TLS.
    let tls: ServerTLSContext?
    let backendTLS: BackendTLSSettings?
    /// Peers that must send a PROXY header.
    let proxyFrom: [AddressPrefix]
    /// Nobody else is served.
    let proxyRequired: Bool
    let ledger: Ledger
    /// One for each server of the backend.
    let slots: [BackendSlots]
    let servers: [Endpoint]
    /// Sessions go only to servers that the self-test has proved.
    let needsProof: Bool
    /// For sessions that were meant for others, whom they cannot have been meant for; nil elsewhere.
    let interception: InterceptionSettings?

    init(
        context: SessionContext, tls: ServerTLSContext?, backendTLS: BackendTLSSettings?,
        proxyFrom: [AddressPrefix], proxyRequired: Bool, ledger: Ledger, slots: [BackendSlots], servers: [Endpoint],
        needsProof: Bool, interception: InterceptionSettings? = nil
    ) {
        self.context = context
        self.tls = tls
        self.backendTLS = backendTLS
        self.proxyFrom = proxyFrom
        self.proxyRequired = proxyRequired
        self.ledger = ledger
        self.slots = slots
        self.servers = servers
        self.needsProof = needsProof
        self.interception = interception
    }

    var name: String { context.listener.name }
}

/// How connections of an inherited socket are spread: one worker accepts, since the kernel would give them all to one anyway.
struct Deal: Sendable {
    let inboxes: [LoopMailbox<WorkerMessage>]
    /// One for each worker.
    let counters: [Counters]

    /// The worker with the fewest sessions of this listener.
    var idlest: Int? {
        counters.indices.min { counters[$0].snapshot.activeSessions < counters[$1].snapshot.activeSessions }
    }
}

/// How a backend's certificate is judged.
struct BackendTLSSettings: Sendable {
    let context: ClientTLSContext
    let peer: ExpectedPeer?
}

/// Who is connected to one listener, over all workers.
final class Ledger: Sendable {
    private let book = Locked(ConnectionLedger())

    init() {}

    func admit(
        _ client: AddressPrefix, _ limits: ConnectionLedger.Limits, now: UInt64
    ) -> ConnectionLedger.Refusal? {
        book.withLock { $0.admit(client, limits, now: now) }
    }

    func leave(_ client: AddressPrefix) {
        book.withLock { $0.leave(client) }
    }

    var total: Int { book.withLock { $0.total } }
}

extension Lock: Exclusion {}

extension SessionContext {
    var doorLimits: ConnectionLedger.Limits {
        .init(
            sessions: limits.maxSessions, sessionsPerClient: limits.maxSessionsPerClient,
            rate: RateLimit(
                count: limits.connectionRate.count, period: limits.connectionRate.period,
                burst: limits.connectionRate.count))
    }

    /// The net that a client counts as: its whole IPv4 address and its IPv6 /64, unless configured otherwise.
    func clientNet(_ address: IPAddress) -> AddressPrefix? {
        AddressPrefix(address, length: address.isV4 ? limits.clientPrefixV4 : limits.clientPrefixV6)
    }
}
