import Bytes
import Enforcement
import Policy
public import Reactor
import TLSTransport
public import Throttle

/// A listener as one worker is to serve it: made by the supervisor, immutable, replaced by a reload.
struct PortSettings: Sendable {
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

    var name: String { context.listener.name }
}

/// How a backend's certificate is judged.
struct BackendTLSSettings: Sendable {
    let context: ClientTLSContext
    let peer: ExpectedPeer?
}

/// Who is connected to one listener, over all workers.
final class Ledger: Sendable {
    private let book = Locked(ConnectionLedger<AddressPrefix>())

    init() {}

    func admit(
        _ client: AddressPrefix, _ limits: ConnectionLedger<AddressPrefix>.Limits, now: UInt64
    ) -> ConnectionLedger<AddressPrefix>.Refusal? {
        book.withLock { $0.admit(client, limits, now: now) }
    }

    func leave(_ client: AddressPrefix) {
        book.withLock { $0.leave(client) }
    }

    var total: Int { book.withLock { $0.total } }
}

extension Lock: Exclusion {}

extension SessionContext {
    var doorLimits: ConnectionLedger<AddressPrefix>.Limits {
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
