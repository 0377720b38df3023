import Bytes
import Enforcement
import Policy
import SMTPSession
import Testing

/// TLS that is only passed on, over random reads, writes, stalls and ends.
@Suite struct SpliceTests {
    @Test(arguments: 0..<300 as Range<UInt64>)
    func `no octet is lost, doubled or reordered, ends come after them, and little waits`(seed: UInt64) {
        var run = SplicedRun(seed: seed)
        let complaint = run.run()
        #expect(complaint == nil, "seed \(seed): \(complaint ?? "")")
    }
}

/// A client and a server whose octets go by a conversation that is spliced.
struct SplicedRun: ~Copyable {
    /// What one side sends, how much of it has left it, and what has arrived there.
    private struct Peer {
        var sends: [UInt8] = []
        var sent = 0
        var received: [UInt8] = []
        /// It has said that it sends no more.
        var hasEnded = false
        /// It was told that the other side sends no more.
        var isToldOfEnd = false
        var isDone: Bool { sent == sends.count }
    }

    private static let bound = OutputBuffer.highWater + BufferPool.blockSize

    private var numbers: Numbers
    private var now: UInt64 = 1_000_000_000
    private var conversation: Conversation
    private var client = Peer()
    private var server = Peer()
    private var shutsClient = false
    private var shutsServer = false
    private var isClosed = false
    private var isFinished = false
    private var complaint: String?

    init(seed: UInt64) {
        numbers = Numbers(state: seed)
        let policy = PolicyDefinition(name: "out", rules: [], otherwise: .accept)
        let context = SessionContext(
            hostname: "gw.example", listener: ListenerFacts(name: "egress", port: 25), tls: .starttls,
            limits: ProtocolLimits(), timeouts: Timeouts(), book: RuleBook([policy]),
            backend: SessionContext.Backend(
                name: "", identity: .none, tls: .none, judgesLogins: true, realm: nil))
        let far = Endpoint(address: IPAddress(v4: 0xC633_6401), port: 25)
        conversation = Conversation(
            source: ContextSource(context), table: BackendTable(servers: [far], needProof: false), sid: "S",
            client: ClientFacts(endpoint: Endpoint(address: IPAddress(v4: 0xC000_0207), port: 4711), local: far),
            intercepted: .relay, pool: BufferPool(), now: now)
        client.sends = stream()
        server.sends = stream()
    }

    private mutating func stream() -> [UInt8] {
        let count = numbers.once(in: 3) ? numbers.below(400_000) : numbers.below(5000)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
    }

    mutating func run() -> String? {
        introduce()
        guard conversation.toBackend.isEmpty else { return "something is left of the beginning" }
        for _ in 0..<200_000 {
            if isFinished { return verdict() }
            step()
            carryOut()
            if let complaint { return complaint }
            if conversation.toClient.count > Self.bound { return "too much waits for the client" }
            if conversation.toBackend.count > Self.bound { return "too much waits for the server" }
        }
        return "it does not end"
    }

    private func verdict() -> String? {
        if !isClosed { return "the client's connection stays open" }
        if server.received != client.sends { return "the server has other octets than the client sent" }
        if client.received != Array(server.sends) { return "the client has other octets than the server sent" }
        return nil
    }

    // MARK: Up to the splice

    private mutating func introduce() {
        conversation.start(now: now)
        carryOut()
        conversation.backendConnected(now: now)
        serverSays("220 far\r\n")
        clientSays("EHLO bot\r\n")
        serverSays("250 far\r\n")
        clientSays("STARTTLS\r\n")
        serverSays("220 go\r\n")
        client.received = []
        server.received = []
    }

    private mutating func serverSays(_ text: String) {
        let count = conversation.fromBackend.append(octets(text))
        conversation.backendSent(count, now: now)
        carryOut()
        clientTakes(conversation.toClient.count)
    }

    private mutating func clientSays(_ text: String) {
        let count = conversation.fromClient.append(octets(text))
        conversation.clientSent(count, now: now)
        carryOut()
        serverTakes(conversation.toBackend.count)
    }

    // MARK: Steps

    private mutating func step() {
        now += UInt64(numbers.below(1_000_000))
        switch numbers.below(6) {
        case 0: clientSends()
        case 1: serverSends()
        // Whoever reads in bursts lets the other wait.
        case 2, 3: clientTakes(portion(of: conversation.toClient.count))
        default: serverTakes(portion(of: conversation.toBackend.count))
        }
        tellEnds()
    }

    private mutating func portion(of count: Int) -> Int { count == 0 ? 0 : numbers.portion(of: count) }

    private mutating func clientSends() {
        guard conversation.wantsClientInput else { return }
        if client.isDone {
            guard !client.hasEnded, numbers.once(in: 4) else { return }
            client.hasEnded = true
            return conversation.clientEnded(now: now)
        }
        let piece = client.sends[client.sent..<(client.sent + numbers.portion(of: client.sends.count - client.sent))]
        let count = conversation.fromClient.append(piece)
        client.sent += count
        conversation.clientSent(count, now: now)
    }

    private mutating func serverSends() {
        guard conversation.wantsBackendInput else { return }
        if server.isDone {
            guard !server.hasEnded, numbers.once(in: 4) else { return }
            server.hasEnded = true
            return conversation.backendEnded(now: now)
        }
        let piece = server.sends[server.sent..<(server.sent + numbers.portion(of: server.sends.count - server.sent))]
        let count = conversation.fromBackend.append(piece)
        server.sent += count
        conversation.backendSent(count, now: now)
    }

    private mutating func clientTakes(_ count: Int) {
        guard count > 0 else { return }
        if client.isToldOfEnd { complaint = "the client gets octets behind the end" }
        client.received += conversation.toClient.pending.extracting(first: count).withUnsafeBytes { Array($0) }
        conversation.toClient.consume(count)
        conversation.clientTook(count, now: now)
    }

    private mutating func serverTakes(_ count: Int) {
        guard count > 0 else { return }
        if server.isToldOfEnd { complaint = "the server gets octets behind the end" }
        server.received += conversation.toBackend.pending.extracting(first: count).withUnsafeBytes { Array($0) }
        conversation.toBackend.consume(count)
        conversation.backendTook(count, now: now)
    }

    /// An end that is told before the octets that stand before it would cut them off.
    private mutating func tellEnds() {
        if shutsClient, conversation.toClient.isEmpty { client.isToldOfEnd = true }
        if shutsServer, conversation.toBackend.isEmpty { server.isToldOfEnd = true }
    }

    private mutating func carryOut() {
        while let effect = conversation.nextEffect() {
            switch effect {
            case .shutClient: shutsClient = true
            case .shutBackend: shutsServer = true
            case .closeClient:
                isClosed = true
                // What waits is written before the close.
                clientTakes(conversation.toClient.count)
            case .finished: isFinished = true
            case .secureClient, .connectBackend, .secureBackend, .abortBackend, .report, .notify, .askStore,
                .refundStore:
                break
            }
        }
    }
}
