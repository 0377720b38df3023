internal import Bytes
internal import Enforcement
internal import Policy
internal import SMTPSession
import Throttle
internal import SMTPWire

/// A whole session through the real session machine, on a manual clock, with a backend that is always there.
final class RehearsedSession {
    private let script: ConversationScript
    private var conversation: Conversation
    private var backend = RehearsedBackend()
    private var now: UInt64 = 1 << 40
    private var wantsTLS = false
    private(set) var isClosed = false
    /// What the client was told and the script has not expected yet.
    private var told: [UInt8] = []
    /// Rules that decided, in order.
    private(set) var rules: [RuleID] = []

    init(_ script: ConversationScript, definitions: [PolicyDefinition], realm: String?) {
        self.script = script
        let tls =
            script.tls.flatMap { SessionContext.ListenerTLS(rawValue: $0) }
            ?? (script.port == 465 ? .implicit : .starttls)
        let realm = realm.map { Array($0.utf8) }
        var limits = ProtocolLimits()
        limits.authFailDelay = 0
        let context = SessionContext(
            hostname: "rehearsal.test", listener: ListenerFacts(name: script.listener, port: script.port), tls: tls,
            limits: limits, timeouts: Timeouts(), book: RuleBook(definitions, realm: realm),
            backend: SessionContext.Backend(
                name: "backend", identity: .none, tls: .none, judgesLogins: true, realm: realm))
        let local = Endpoint(address: IPAddress(v4: 0x7F00_0001), port: script.port)
        let table = BackendTable(servers: [local], needProof: false)
        table.succeeded(0, capabilities: RehearsedBackend.capabilities)
        let address = IPAddress(script.client) ?? IPAddress(v4: 0xCB00_7101)
        conversation = Conversation(
            source: ContextSource(context), table: table, sid: "REHEARSAL",
            client: ClientFacts(endpoint: Endpoint(address: address, port: 50_000), local: local), pool: BufferPool(),
            now: now)
        conversation.start(now: now)
        settle()
        if tls == .implicit { secure() }
    }

    /// Plays the script; the answer is what went otherwise, nil if nothing did.
    func play() -> TestFailure? {
        for line in script.lines {
            switch line.kind {
            case .server(let code, let wanted, let unwanted):
                if let failure = expect(code, wanted, unwanted, line.number) { return failure }
            case .client(let command): say(command + "\r\n")
            case .tls: if let failure = startTLS(line.number) { return failure }
            case .auth(let user, let succeeds): logIn(user, succeeds: succeeds)
            case .data(let lines): if let failure = sendContent(lines, line.number) { return failure }
            case .advance(let time): advance(time)
            }
        }
        return nil
    }

    // MARK: Lines

    func say(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let taken = conversation.fromClient.append(rest)
            guard taken > 0 else { return }
            rest = rest.dropFirst(taken)
            conversation.clientSent(taken, now: now)
            settle()
        }
    }

    /// A whole login in one line.
    func logIn(_ user: String, succeeds: Bool) {
        let password = succeeds ? RehearsedBackend.password : "wrong"
        let response = Base64.encode([0] + Array(user.utf8) + [0] + Array(password.utf8))
        say("AUTH PLAIN \(String(decoding: response, as: UTF8.self))\r\n")
    }

    /// STARTTLS and the handshake; nil if both took place.
    func typeTLS() -> String? {
        startTLS(0).map { $0.got.joined(separator: " ") }
    }

    /// Everything that the client was told and nobody has looked at.
    func takeText() -> String {
        var text = ""
        while let reply = nextReply() { text += reply.map { $0 + "\n" }.joined() }
        return text
    }

    func takeRules() -> [RuleID] {
        defer { rules = [] }
        return rules
    }

    /// STARTTLS unless it was said already, its reply, and the handshake.
    private func startTLS(_ line: Int) -> TestFailure? {
        if !wantsTLS {
            say("STARTTLS\r\n")
            if let failure = expect("220", [], [], line) { return failure }
        }
        guard wantsTLS else {
            return TestFailure(place: place(line), expected: ["a TLS handshake"], got: ["none was offered"], note: nil)
        }
        secure()
        return nil
    }

    private func secure() {
        wantsTLS = false
        conversation.clientSecured(TLSFacts(version: .tls13, cipher: "TLS_AES_256_GCM_SHA384"), now: now)
        settle()
    }

    /// DATA, its 354, and a message with its dots doubled.
    private func sendContent(_ lines: [String], _ number: Int) -> TestFailure? {
        say("DATA\r\n")
        if let failure = expect("354", [], [], number) { return failure }
        say(lines.map { ($0.hasPrefix(".") ? "." : "") + $0 + "\r\n" }.joined() + ".\r\n")
        return nil
    }

    /// Moves the clock, stopping at each deadline on the way.
    private func advance(_ time: UInt64) {
        let (target, overflow) = now.addingReportingOverflow(time)
        guard !overflow else { return }
        for _ in 0..<1000 where conversation.deadline <= target {
            now = max(now, conversation.deadline)
            conversation.deadlinePassed(now: now)
            settle()
        }
        now = target
    }

    // MARK: What the client is told

    /// Replies that rules hold back (delay, tarpit) are waited for, but no handshake: that is the client's turn.
    private func nextReply() -> [String]? {
        for _ in 0..<20 {
            if let reply = takeReply() { return reply }
            guard !isClosed, !wantsTLS, conversation.deadline != .max, conversation.deadline <= now + 61_000_000_000
            else {
                return nil
            }
            now = max(now, conversation.deadline)
            conversation.deadlinePassed(now: now)
            settle()
        }
        return nil
    }

    /// One whole reply, all its lines.
    private func takeReply() -> [String]? {
        var lines: [String] = []
        var start = 0
        while let end = told[start...].firstIndex(of: 0x0A) {
            let line = String(decoding: told[start..<end].filter { $0 != 0x0D }, as: UTF8.self)
            lines.append(line)
            start = end + 1
            if line.utf8.count < 4 || line.utf8.dropFirst(3).first != UInt8(ascii: "-") {
                told.removeFirst(start)
                return lines
            }
        }
        return nil
    }

    private func expect(_ code: String?, _ wanted: [String], _ unwanted: [String], _ line: Int) -> TestFailure? {
        var shown = [code ?? "any reply"] + wanted.map { "with \"\($0)\"" } + unwanted.map { "without \"\($0)\"" }
        guard let reply = nextReply() else {
            shown = [shown.joined(separator: " ")]
            return TestFailure(
                place: place(line), expected: shown, got: [isClosed ? "the connection was closed" : "nothing"],
                note: nil)
        }
        let isGood =
            (code.map { code in reply.allSatisfy { $0.hasPrefix(code) } } ?? true)
            && wanted.allSatisfy { text in reply.contains { $0.contains(text) } }
            && !unwanted.contains { text in reply.contains { $0.contains(text) } }
        if isGood { return nil }
        return TestFailure(
            place: place(line), expected: [shown.joined(separator: " ")], got: [reply.joined(separator: " / ")],
            note: rules.last.map { "last decided by \($0)" })
    }

    private func place(_ line: Int) -> String { "line \(line) of the script" }

    // MARK: The driver

    private func settle() {
        var moved = true
        while moved {
            moved = carryOut()
            moved = flush() || moved
        }
    }

    private func carryOut() -> Bool {
        var moved = false
        while let effect = conversation.nextEffect() {
            moved = true
            switch effect {
            case .secureClient: wantsTLS = true
            case .closeClient, .finished: isClosed = true
            case .connectBackend: connect()
            case .secureBackend, .abortBackend, .shutClient, .shutBackend: break
            case .report(let report): note(report)
            case .notify, .refundStore: break
            // A rehearsal has no store, so its limits ask none.
            case .askStore(_, let number): conversation.storeAnswered(number, .lost(.disconnected), now: now)
            }
        }
        return moved
    }

    private func connect() {
        backend = RehearsedBackend()
        conversation.backendConnected(now: now)
        answer(RehearsedBackend.greeting)
    }

    private func answer(_ text: String) {
        guard !text.isEmpty else { return }
        let taken = conversation.fromBackend.append(text.utf8)
        conversation.backendSent(taken, now: now)
    }

    private func flush() -> Bool {
        var moved = false
        if !conversation.toClient.isEmpty {
            let bytes = Self.taken(&conversation.toClient)
            told += bytes
            conversation.clientTook(bytes.count, now: now)
            moved = true
        }
        if !conversation.toBackend.isEmpty {
            let bytes = Self.taken(&conversation.toBackend)
            conversation.backendTook(bytes.count, now: now)
            answer(backend.receive(bytes))
            moved = true
        }
        return moved
    }

    private static func taken(_ output: inout OutputBuffer) -> [UInt8] {
        let bytes = output.pending.withUnsafeBytes { Array($0) }
        output.consume(bytes.count)
        return bytes
    }

    private func note(_ report: SessionReport) {
        switch report {
        case .refused(let refusal): rules.append(refusal.rule)
        case .accepted(_, let rule, _): rules.append(rule)
        case _: break
        }
    }
}
