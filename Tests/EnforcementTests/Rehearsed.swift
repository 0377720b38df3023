// A conversation on a fake network and a manual clock: whole sessions as scripts.

import Bytes
import Enforcement
import Policy
import SMTPSession
import SMTPWire
import Throttle

/// Drives one `Conversation` as the gateway does, with both peers in the test's hands.
final class Rehearsed {
    var conversation: Conversation
    var stage: StageSetting
    let source: ContextSource
    let table: BackendTable
    var now: UInt64 = 1_000_000_000_000

    /// What was written to the client and not expected yet.
    var clientWire: [UInt8] = []
    /// The same of the newest backend connection.
    var backendWire: [UInt8] = []
    var reports: [SessionReport] = []
    var notices: [Notice] = []
    /// What the shared store was asked and has not answered.
    var asked: [(question: StoreQuestion, number: UInt32)] = []
    var refunded: [StoreReceipt] = []
    var connects: [Int] = []
    var aborts = 0
    var asksClientTLS = false
    var asksBackendTLS = false
    var isClientClosed = false
    var isFinished = false
    var hasShutClient = false
    var hasShutBackend = false

    /// How the backend answers a connection attempt.
    var refusesConnections = false
    /// Connection attempts stay open until the script says more.
    var holdsConnections = false
    var clientReads = true
    var backendReads = true
    /// Client bytes arrive in pieces of at most so many octets.
    var segment = Int.max

    init(_ stage: StageSetting = StageSetting()) {
        self.stage = stage
        source = ContextSource(stage.context)
        source.store = stage.store
        table = BackendTable(servers: stage.servers, needProof: false)
        var client = ClientFacts(endpoint: stage.client, local: stage.local)
        client.name = stage.clientName
        conversation = Conversation(
            source: source, table: table, sid: "SID", client: client, hasClient: stage.hasClient,
            intercepted: stage.intercepted, pool: BufferPool(), now: now)
        conversation.start(now: now)
        settle()
    }

    var peers: PeerBooks { stage.peers }
    var wantsClientInput: Bool { conversation.wantsClientInput }
    var deadline: UInt64 { conversation.deadline }
    var queuedForBackend: Int { conversation.toBackend.count }

    /// Other limits from the next MAIL on.
    func limits(_ change: (inout ProtocolLimits) -> Void) {
        change(&stage.limits)
        source.current = stage.context
    }

    // MARK: Stimuli

    func clientSends(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(segment)
            let taken = conversation.fromClient.append(piece)
            guard taken > 0 else { return }
            rest = rest.dropFirst(taken)
            conversation.clientSent(taken, now: now)
            settle()
        }
    }

    func backendSends(_ bytes: [UInt8]) {
        let taken = conversation.fromBackend.append(bytes)
        conversation.backendSent(taken, now: now)
        settle()
    }

    func event(_ change: (inout Conversation, UInt64) -> Void) {
        change(&conversation, now)
        settle()
    }

    /// Moves the clock, stopping at each deadline on the way.
    func advance(_ nanoseconds: UInt64) {
        let target = now + nanoseconds
        for _ in 0..<1000 where conversation.deadline <= target {
            now = max(now, conversation.deadline)
            event { $0.deadlinePassed(now: $1) }
        }
        now = target
    }

    // MARK: The driver

    func settle() {
        var moved = true
        while moved {
            moved = carryOutEffects()
            moved = flushClient() || moved
            moved = flushBackend() || moved
        }
    }

    private func carryOutEffects() -> Bool {
        var moved = false
        while let effect = conversation.nextEffect() {
            moved = true
            switch effect {
            case .secureClient: asksClientTLS = true
            case .closeClient: isClientClosed = true
            case .connectBackend(let server): connect(to: server)
            case .secureBackend: asksBackendTLS = true
            case .shutClient: hasShutClient = true
            case .shutBackend: hasShutBackend = true
            case .abortBackend:
                aborts += 1
                asksBackendTLS = false
            case .report(let report): reports.append(report)
            case .notify(let notice): notices.append(notice)
            case .askStore(let question, let number): asked.append((question, number))
            case .refundStore(let receipts): refunded += receipts
            case .finished: isFinished = true
            }
        }
        return moved
    }

    private func connect(to server: Int) {
        connects.append(server)
        backendWire = []
        if refusesConnections {
            conversation.backendConnectFailed("refused", now: now)
        } else if !holdsConnections {
            conversation.backendConnected(now: now)
        }
    }

    private func flushClient() -> Bool {
        guard clientReads, !conversation.toClient.isEmpty else { return false }
        let bytes = taken(&conversation.toClient)
        clientWire += bytes
        conversation.clientTook(bytes.count, now: now)
        return true
    }

    private func flushBackend() -> Bool {
        guard backendReads, !conversation.toBackend.isEmpty else { return false }
        let bytes = taken(&conversation.toBackend)
        backendWire += bytes
        conversation.backendTook(bytes.count, now: now)
        return true
    }
}

/// The listener, client and backend of a rehearsal.
struct StageSetting {
    var policies: [PolicyDefinition] = [BuiltInPolicy.inbound.policy(ourDomains: .domains(["example.com"]))]
    var tls = SessionContext.ListenerTLS.starttls
    var limits = ProtocolLimits()
    var timeouts = Timeouts()
    var identity = BackendIdentity.none
    var backendTLS = BackendTLS.none
    var judgesLogins = false
    var hasClient = true
    var intercepted: Intercepted?
    var explanation = Explanation()
    var client = endpoint("203.0.113.7", 4711)
    var local = endpoint("192.0.2.1", 25)
    var clientName: [UInt8]?
    var servers = [endpoint("127.0.0.1", 10025)]
    /// What sessions leave behind for the next one.
    var peers = PeerBooks()
    var buckets = LimitTable(capacity: 4096, shards: 1)
    var store = SharedStoreUse.none

    var context: SessionContext {
        SessionContext(
            hostname: "mx.example.org", listener: ListenerFacts(name: "mx", port: 25), tls: tls, limits: limits,
            timeouts: timeouts, book: RuleBook(policies),
            backend: SessionContext.Backend(
                name: "b", identity: identity, tls: backendTLS, judgesLogins: judgesLogins,
                realm: octets("example.org")), buckets: buckets, peers: peers, explanation: explanation)
    }

    static func submission(_ change: (inout StageSetting) -> Void = { _ in }) -> StageSetting {
        var stage = StageSetting()
        stage.policies = [BuiltInPolicy.submission.policy(ourDomains: .domains([]))]
        stage.judgesLogins = true
        stage.limits.authFailDelay = 0
        change(&stage)
        return stage
    }

    static func inbound(_ change: (inout StageSetting) -> Void) -> StageSetting {
        var stage = StageSetting()
        change(&stage)
        return stage
    }

    /// A session that was meant for another server, under these rules.
    static func intercepted(_ rules: Rule..., change: (inout StageSetting) -> Void = { _ in }) -> StageSetting {
        var stage = StageSetting()
        stage.policies = [PolicyDefinition(name: "out", rules: rules, otherwise: .accept)]
        stage.intercepted = .relay
        stage.judgesLogins = true
        stage.limits.authFailDelay = 0
        change(&stage)
        return stage
    }

    /// `inbound` and behind it these rules.
    static func with(_ rules: Rule..., change: (inout StageSetting) -> Void = { _ in }) -> StageSetting {
        var stage = StageSetting()
        stage.policies.insert(PolicyDefinition(name: "extra", rules: rules, otherwise: .accept), at: 0)
        change(&stage)
        return stage
    }
}

func endpoint(_ address: String, _ port: UInt16) -> Endpoint {
    Endpoint(address: IPAddress(address) ?? IPAddress(v4: 0), port: port)
}

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

func base64(_ text: String) -> String { String(decoding: Base64.encode(octets(text)), as: UTF8.self) }

func taken(_ output: inout OutputBuffer) -> [UInt8] {
    let bytes = output.pending.withUnsafeBytes { Array($0) }
    output.consume(bytes.count)
    return bytes
}

let seconds: UInt64 = 1_000_000_000
