// One session on a fake network with a manual clock; after each step the oracle has seen both wires.

import Bytes
import Enforcement
import Policy
import SMTPSession

final class Simulation {
    let seed: UInt64
    let oracle: Oracle
    let setting: Setting
    var numbers: Numbers
    var conversation: Conversation
    var client: SimulatedClient
    var now: UInt64 = 1_000_000_000
    var steps = 0

    /// The client's octets on their way to us.
    var clientOutput = ByteQueue()
    var isHandshakingClient = false
    var isHandshakingBackend = false
    var isClientClosed = false
    var hasClientLeft = false
    var isFinished = false
    /// Both peers are silent from here on.
    var isWindingDown = false

    var backend: SimulatedBackend?
    let store: SimulatedStore?
    private var chances: Numbers
    var connecting: Int?
    private var idleDeadlines = 0
    private var lastDeadline: UInt64 = 0
    /// What a lying driver makes of octets on their way to the client.
    var tamper: ([UInt8]) -> [UInt8] = { $0 }

    static let longestRun = 6000
    static let boundToClient = 64 * 1024 + 256 * 1024
    static let boundToBackend = 64 * 1024 + 4 * BufferPool.blockSize

    init(seed: UInt64) {
        self.seed = seed
        numbers = Numbers(state: seed)
        chances = Numbers(state: ~seed)
        setting = Setting(&numbers, &chances)
        oracle = Oracle(setting.promise)
        store = setting.storeFaults.map { [oracle] in SimulatedStore(oracle, faults: $0) }
        client = SimulatedClient(ClientScript(&numbers, setting).steps, isImpatient: !setting.isValidClient)
        let address = IPAddress(v4: 0xCB00_7107)
        let table = BackendTable(
            servers: setting.servers.indices.map {
                Endpoint(address: IPAddress(v4: 0x7F00_0001), port: UInt16(1000 + $0))
            },
            needProof: false)
        let source = ContextSource(setting.context)
        if store != nil { source.store = seed.isMultiple(of: 5) ? .troubled : .up }
        conversation = Conversation(
            source: source, table: table, sid: "S",
            client: ClientFacts(
                endpoint: Endpoint(address: address, port: 1), local: Endpoint(address: address, port: 25)),
            pool: BufferPool(), now: now)
        // Every second session has its content taken where it lies, from the first octet on.
        conversation.worthLending = seed.isMultiple(of: 2) ? .max : 1
        conversation.start(now: now)
        carryOutEffects()
    }

    /// Runs to the end; what went wrong, or nil.
    func run() -> String? {
        while !isOver, oracle.violation == nil {
            steps += 1
            if steps > Self.longestRun { isWindingDown = true }
            if steps > Self.longestRun + 2000 { return "the session does not end" }
            step()
            carryOutEffects()
            checkBounds()
            store?.check(
                waiting: conversation.toClient.count + conversation.toBackend.count + conversation.lent, now: now,
                isAlone: hasClientLeft)
        }
        return oracle.violation
    }

    private var isOver: Bool {
        isFinished && (isClientClosed || hasClientLeft) && (conversation.toClient.isEmpty || hasClientLeft)
    }

    private func checkBounds() {
        if conversation.toClient.count > Self.boundToClient { oracle.violate("too much waits for the client") }
        if conversation.toBackend.count > Self.boundToBackend { oracle.violate("too much waits for the backend") }
    }

    // MARK: Effects

    private func carryOutEffects() {
        while let effect = conversation.nextEffect() {
            switch effect {
            case .secureClient: isHandshakingClient = true
            case .closeClient: isClientClosed = true
            case .connectBackend(let server):
                backend = nil
                connecting = server
            case .secureBackend: isHandshakingBackend = true
            case .abortBackend:
                backend = nil
                connecting = nil
                isHandshakingBackend = false
            case .report, .notify, .shutClient, .shutBackend: break
            case .askStore(let question, let number): store?.ask(question, number, now: now, &chances)
            case .refundStore(let receipts): store?.refund(receipts)
            case .finished: isFinished = true
            }
        }
    }
}

// MARK: Steps

extension Simulation {
    private enum Move: CaseIterable {
        case clientSpeaks, clientDelivers, clientReads, clientSecures, clientLeaves
        case connects, backendReads, backendSpeaks, backendSecures, backendDies
        case storeAnswers
    }

    /// One random thing that can happen; time moves when nothing else can, or sometimes.
    private func step() {
        let possible = Move.allCases.filter(isPossible)
        if possible.isEmpty || numbers.once(in: 60) {
            if possible.isEmpty { nothingIsUnderWay() }
            return passTime(toDeadline: possible.isEmpty)
        }
        perform(possible[numbers.below(possible.count)])
    }

    private func isPossible(_ move: Move) -> Bool {
        switch move {
        case .clientSpeaks:
            !isWindingDown && !hasClientLeft && !isClientClosed && !client.isDone && clientOutput.count < 65536
        case .clientDelivers:
            !clientOutput.isEmpty && !hasClientLeft && !isClientClosed && !isHandshakingClient
                && conversation.wantsClientInput && conversation.fromClient.count < BufferPool.blockSize
        case .clientReads: !hasClientLeft && !conversation.toClient.isEmpty
        case .clientSecures: isHandshakingClient && conversation.toClient.isEmpty && !hasClientLeft && !isClientClosed
        case .clientLeaves:
            !hasClientLeft && !isClientClosed
                && (setting.clientLeaves && numbers.once(in: 60)
                    || client.isDone && clientOutput.isEmpty && client.outstanding == 0)
        case .connects: connecting != nil
        case .backendReads:
            backend != nil && (!conversation.toBackend.isEmpty || conversation.lent > 0) && !isHandshakingBackend
        case .backendSpeaks: backend.map { !$0.output.isEmpty || !$0.isGreeted && !isWindingDown } ?? false
        case .backendSecures: isHandshakingBackend && conversation.toBackend.isEmpty
        case .backendDies: backend.map { $0.isDead && $0.output.isEmpty } ?? false
        case .storeAnswers: store?.canAnswer(now: now) ?? false
        }
    }

    private func perform(_ move: Move) {
        switch move {
        case .clientSpeaks:
            if let bytes = client.sends(&numbers) { clientOutput.append(bytes) } else { passTime(toDeadline: false) }
        case .clientDelivers: deliver()
        case .clientReads: clientReads()
        case .clientSecures: secureClient()
        case .clientLeaves:
            hasClientLeft = true
            if numbers.below(2) == 0 { conversation.clientEnded(now: now) } else { conversation.clientBroke(now: now) }
        case .connects: connect()
        case .backendReads: backendReads()
        case .backendSpeaks: backendSpeaks()
        case .backendSecures:
            isHandshakingBackend = false
            conversation.backendSecured(now: now)
        case .backendDies:
            backend = nil
            conversation.backendEnded(now: now)
        case .storeAnswers:
            guard let (number, answer) = store?.answer(now: now, &chances) else { return }
            conversation.storeAnswered(number, answer, now: now)
        }
    }

    private func passTime(toDeadline: Bool) {
        let deadline = conversation.deadline
        guard toDeadline || now >= deadline else {
            now += UInt64(numbers.below(50_000_000))
            return
        }
        guard deadline < .max else {
            // Nobody does anything, and nothing is waited for: somebody must leave.
            if hasClientLeft || isClientClosed { return oracle.violate("the session waits for nothing") }
            if !setting.limits.greetWait.isMultiple(of: 2) { return }
            hasClientLeft = true
            return conversation.clientBroke(now: now)
        }
        idleDeadlines = deadline <= now && deadline == lastDeadline ? idleDeadlines + 1 : 0
        lastDeadline = deadline
        if idleDeadlines > 10 { return oracle.violate("a deadline that does not move") }
        now = max(now, deadline)
        conversation.deadlinePassed(now: now)
    }

    /// Everything was carried to where it goes: whatever is complete must be answered.
    private func nothingIsUnderWay() {
        guard !isClientClosed, !hasClientLeft, !isFinished, !isHandshakingClient, setting.limits.authFailDelay == 0
        else { return }
        if let backend, !backend.wire.pending.isEmpty || !backend.isGreeted { return }
        if case .some = connecting { return }
        if store?.hasQuestion == true { return }
        oracle.expectNothingDue()
    }
}

// MARK: The client

extension Simulation {
    private func deliver() {
        let room = BufferPool.blockSize - conversation.fromClient.count
        let bytes = clientOutput.take(min(room, numbers.portion(of: clientOutput.count)))
        oracle.clientDelivered(bytes)
        fill(&conversation.fromClient, with: bytes)
        conversation.clientSent(bytes.count, now: now)
    }

    private func clientReads() {
        let bytes = taken(numbers.portion(of: conversation.toClient.count), from: &conversation.toClient)
        conversation.clientTook(bytes.count, now: now)
        let told = tamper(bytes)
        oracle.clientTold(told)
        client.hears(told)
    }

    private func secureClient() {
        isHandshakingClient = false
        if clientOutput.isEmpty, conversation.fromClient.isEmpty, numbers.below(40) > 0 {
            oracle.clientSecured()
            client.secured()
            conversation.clientSecured(TLSFacts(version: .tls13, cipher: "x"), now: now)
        } else {
            conversation.clientSecurityFailed("no handshake", now: now)
        }
    }
}

// MARK: The backend

extension Simulation {
    private func connect() {
        guard let server = connecting else { return }
        connecting = nil
        let temper = setting.servers[server]
        if temper.isUnreachable {
            conversation.backendConnectFailed("refused", now: now)
        } else if temper.lies > 0, numbers.once(in: 20) {
            conversation.backendIsBusy(now: now)
        } else {
            let hasHeader = setting.identity == .proxyV1 || setting.identity == .proxyV2
            backend = SimulatedBackend(oracle, temper, expectsProxyHeader: hasHeader)
            conversation.backendConnected(now: now)
        }
    }

    private func backendReads() {
        if conversation.toBackend.isEmpty { return backendReadsLent() }
        let bytes = taken(numbers.portion(of: conversation.toBackend.count), from: &conversation.toBackend)
        let reader = backend
        conversation.backendTook(bytes.count, now: now)
        reader?.hears(bytes, &numbers)
    }

    /// Content that the conversation has left where the client put it.
    private func backendReadsLent() {
        let count = numbers.portion(of: conversation.lent)
        let bytes = leading(count, of: conversation.fromClient)
        let reader = backend
        conversation.backendTookLent(bytes.count, now: now)
        reader?.hears(bytes, &numbers)
    }

    private func backendSpeaks() {
        guard let backend else { return }
        if !backend.isGreeted { backend.greet(&numbers) }
        let room = BufferPool.blockSize - conversation.fromBackend.count
        let bytes = backend.output.take(min(room, numbers.portion(of: backend.output.count)))
        guard !bytes.isEmpty else { return }
        fill(&conversation.fromBackend, with: bytes)
        conversation.backendSent(bytes.count, now: now)
    }
}

/// Two calls, since the room behind what is unread comes first.
private func fill(_ input: inout InputBuffer, with bytes: [UInt8]) {
    let count = input.append(bytes)
    if count < bytes.count { input.append(bytes.dropFirst(count)) }
}

private func leading(_ count: Int, of input: borrowing InputBuffer) -> [UInt8] {
    input.unread.withUnsafeBytes { Array($0.prefix(count)) }
}

private func taken(_ count: Int, from output: inout OutputBuffer) -> [UInt8] {
    let bytes = output.pending.withUnsafeBytes { Array($0.prefix(count)) }
    output.consume(bytes.count)
    return bytes
}
