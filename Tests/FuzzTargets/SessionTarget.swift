import Bytes
import Enforcement
import Policy
import SMTPSession
import Throttle
import SMTPWire

/// A whole conversation: five octets of setting, then events, each a letter and what belongs to it, with 0xFF between.
///
/// What must hold after each: buffers are bounded, the client hears only well-formed replies, the backend hears only
/// clean commands and content, and nothing goes on for ever. Behind the last event both peers are silent, and the
/// session must end by its own deadlines.
enum SessionTarget {
    static let separator: UInt8 = 0xFF

    static func check(_ input: [UInt8]) throws(Complaint) {
        _ = try played(input)
    }

    /// The session after its end.
    static func played(_ input: [UInt8]) throws(Complaint) -> FuzzedSession {
        let session = FuzzedSession(SessionSetting(input))
        try session.settle()
        for event in input.dropFirst(SessionSetting.size).split(separator: separator).prefix(500) {
            guard let letter = event.first else { continue }
            try session.happens(letter, Array(event.dropFirst()))
            try session.settle()
        }
        try session.end()
        return session
    }
}

final class FuzzedSession {
    /// The same bounds as in the simulation.
    static let boundToClient = 64 * 1024 + 256 * 1024
    static let boundToBackend = 64 * 1024 + 4 * BufferPool.blockSize

    enum Link {
        case none, connecting, open, handshaking
    }

    let setting: SessionSetting
    let source: ContextSource
    var conversation: Conversation
    var now: UInt64 = 1_000_000_000
    var wire: BackendWire
    var obliging: ObligingBackend
    var link = Link.none
    var isHandshakingClient = false
    /// The client sends no more.
    var isClientAtEnd = false
    var isClientGone = false
    var isClientClosed = false
    var isFinished = false
    var clientReads = true
    var backendReads = true
    /// Connections and handshakes wait for their own events.
    var isHolding = false
    /// The client speaks TLS with the server that it meant: what they say has no form.
    private var isPassedOn = false
    /// Messages that reached the backend whole, and logins that it took, so that a test sees how far a seed gets.
    private(set) var messages = 0
    private(set) var logins = 0
    /// What the client has heard.
    private var heardByClient: InputBuffer
    private var replies = ReplyParser()

    init(_ setting: SessionSetting) {
        self.setting = setting
        source = ContextSource(setting.context)
        wire = BackendWire(expectsProxyHeader: setting.sendsProxyHeader)
        obliging = ObligingBackend(capabilities: setting.capabilities)
        let pool = BufferPool()
        heardByClient = InputBuffer(pool: pool)
        let address = IPAddress(v4: 0xCB00_7107)
        conversation = Conversation(
            source: source, table: BackendTable(servers: setting.servers, needProof: false), sid: "S",
            client: ClientFacts(
                endpoint: Endpoint(address: address, port: 1), local: Endpoint(address: address, port: 25)),
            hasClient: setting.hasClient, intercepted: setting.intercepted, pool: pool, now: now)
        conversation.start(now: now)
    }

    private var isOver: Bool {
        isFinished && (isClientGone || isClientClosed && conversation.toClient.isEmpty)
    }

    /// Both peers are silent: time alone must end the session.
    func end() throws(Complaint) {
        for _ in 0..<2000 where !isOver {
            try require(conversation.deadline < .max, "the session waits for nothing")
            now = max(now, conversation.deadline)
            conversation.deadlinePassed(now: now)
            try settle()
        }
        try require(isOver, "the session does not end")
    }

    /// Carries out effects and moves bytes until nothing moves.
    func settle() throws(Complaint) {
        for _ in 0..<20_000 {
            var moved = carryOutEffects()
            if try flushClient() { moved = true }
            if try flushBackend() { moved = true }
            if !moved { return try checkBounds() }
        }
        throw Complaint(text: "the session does not come to rest")
    }

    private func checkBounds() throws(Complaint) {
        try require(conversation.toClient.count <= Self.boundToClient, "too much waits for the client")
        try require(conversation.toBackend.count <= Self.boundToBackend, "too much waits for the backend")
    }
}

// MARK: Effects

extension FuzzedSession {
    private func carryOutEffects() -> Bool {
        guard let effect = conversation.nextEffect() else { return completeWhatWaits() }
        switch effect {
        case .secureClient: isHandshakingClient = true
        case .closeClient: isClientClosed = true
        case .connectBackend: link = .connecting
        case .secureBackend: link = .handshaking
        case .abortBackend: link = .none
        case .report(.tlsPassedOn): isPassedOn = true
        case .report, .notify, .refundStore, .shutClient, .shutBackend: break
        case .askStore(_, let number): conversation.storeAnswered(number, .lost(.disconnected), now: now)
        case .finished:
            isFinished = true
            link = .none
        }
        return true
    }

    /// Handshakes and connections succeed at once unless they are held.
    private func completeWhatWaits() -> Bool {
        guard !isHolding else { return false }
        if isHandshakingClient, conversation.toClient.isEmpty, !isClientClosed, !isClientGone {
            secureClient()
            return true
        }
        switch link {
        case .connecting: connect()
        case .handshaking where conversation.toBackend.isEmpty: secureBackend()
        case .none, .open, .handshaking: return false
        }
        return true
    }

    func secureClient() {
        isHandshakingClient = false
        if conversation.fromClient.plaintextDrained() == nil {
            conversation.clientSecurityFailed("data in clear", now: now)
        } else {
            conversation.clientSecured(TLSFacts(version: .tls13, cipher: "x"), now: now)
        }
    }

    func connect() {
        link = .open
        wire = BackendWire(expectsProxyHeader: setting.sendsProxyHeader)
        conversation.backendConnected(now: now)
        if setting.isObliging, setting.context.backend.tls != .implicit { backendSends(ObligingBackend.greeting) }
    }

    func secureBackend() {
        link = .open
        if conversation.fromBackend.plaintextDrained() == nil {
            return conversation.backendSecurityFailed("data in clear", now: now)
        }
        conversation.backendSecured(now: now)
        if setting.isObliging, setting.context.backend.tls == .implicit { backendSends(ObligingBackend.greeting) }
    }

    // MARK: Bytes

    private func flushClient() throws(Complaint) -> Bool {
        guard clientReads, !isClientGone, !conversation.toClient.isEmpty else { return false }
        try clientReads(conversation.toClient.count)
        return true
    }

    func clientReads(_ count: Int) throws(Complaint) {
        let bytes = taken(&conversation.toClient, most: count)
        conversation.clientTook(bytes.count, now: now)
        if isPassedOn { return }
        var rest = bytes[...]
        while !rest.isEmpty {
            rest = rest.dropFirst(heardByClient.append(rest))
            while case let outcome = replies.next(&heardByClient), outcome != .incomplete {
                guard case .reply = outcome else { throw Complaint(text: "the client hears \(shown(bytes))") }
            }
        }
    }

    private func flushBackend() throws(Complaint) -> Bool {
        guard backendReads, !conversation.toBackend.isEmpty, link == .open || link == .handshaking else { return false }
        try backendReads(conversation.toBackend.count)
        return true
    }

    func backendReads(_ count: Int) throws(Complaint) {
        let bytes = taken(&conversation.toBackend, most: count)
        conversation.backendTook(bytes.count, now: now)
        if isPassedOn { return }
        for heard in try wire.heard(bytes) {
            if heard == .content || heard == .chunk(last: true) { messages += 1 }
            guard setting.isObliging else { continue }
            let reply = obliging.reply(to: heard)
            if reply.starts(with: octets("235")) { logins += 1 }
            backendSends(reply)
        }
    }

    /// What does not fit is not sent: a server that talks without end gains nothing.
    func backendSends(_ bytes: [UInt8]) {
        guard link == .open, !conversation.hasEffects, conversation.wantsBackendInput else { return }
        let count = conversation.fromBackend.append(bytes)
        wire.said(Array(bytes.prefix(count)))
        conversation.backendSent(count, now: now)
    }
}

private func taken(_ output: inout OutputBuffer, most: Int) -> [UInt8] {
    let bytes = output.pending.withUnsafeBytes { Array($0.prefix(most)) }
    output.consume(bytes.count)
    return bytes
}
