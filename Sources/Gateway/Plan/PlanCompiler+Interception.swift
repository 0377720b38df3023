import Bytes
import Configuration
import Enforcement
import Policy
import SMTPSession

/// What a listener for sessions that were meant for others has to know besides.
struct InterceptionSettings: Sendable {
    /// This machine's addresses: a session to one of them would come back to us, and again.
    let ownAddresses: Set<IPAddress>

    /// Whether a connection to `endpoint` may be passed on; the helper looks at routes as well.
    func allows(_ endpoint: Endpoint) -> Bool {
        endpoint.port == 25 && !endpoint.address.isLoopback && !endpoint.address.isUnspecified
            && !ownAddresses.contains(endpoint.address)
    }
}

// Listeners whose sessions have a server each: no relay guard, no self-test and no login of ours to protect.
extension PlanCompiler {
    func intercepting(
        _ plan: RunPlan, _ listener: ListenerPlan, _ explanation: ExplanationPlan
    ) throws(StartFailure) -> PortSettings {
        let book = try checked(
            RuleBook(plan.definitions(of: listener), isMonitored: options.isMonitored, guardsLogins: false), listener)
        let context = SessionContext(
            hostname: plan.hostname, listener: ListenerFacts(name: listener.name, port: 25), tls: .starttls,
            limits: listener.protocolLimits, timeouts: listener.timeouts, book: book, backend: Self.destination,
            buckets: buckets, peers: strangers, explanation: Explanation(lines: explanation.lines))
        return PortSettings(
            context: context, tls: nil, backendTLS: nil, proxyFrom: [], proxyRequired: false,
            ledger: ledger(listener.name), slots: [], servers: [], needsProof: false,
            interception: InterceptionSettings(ownAddresses: Set(OwnAddresses.all)))
    }

    /// Strangers are told nothing about the client, and judge the logins that they are sent.
    private static let destination = SessionContext.Backend(
        name: "", identity: .none, tls: .none, judgesLogins: true, realm: nil)
}
