import Bytes
import Enforcement
import Policy
import SMTPSession

/// What the two peers of a conversation send, in order.
struct Script {
    enum Line: Sendable {
        case client([UInt8])
        case backend([UInt8])
        case connected
        case backendEnds
    }

    var lines: [Line]
    let source: ContextSource
    /// What the sessions of a worker share.
    let table: BackendTable
    let pool = BufferPool()

    private static let here = Endpoint(address: IPAddress(v4: 0x7F00_0001), port: 25)

    private init(_ lines: [Line]) {
        self.lines = lines
        source = ContextSource(Self.context)
        source.reportsAcceptances = false
        table = BackendTable(servers: [Self.here], needProof: false)
    }

    static func session() -> Script { Script(opening + message + closing) }

    static func refusal() -> Script {
        Script([
            client("EHLO load.example.net"), client("MAIL FROM:<a@sender.example>"),
            client("RCPT TO:<victim@elsewhere.example>"), client("QUIT"),
        ])
    }

    static func messages(_ count: Int) -> Script {
        Script(opening + message + (0..<count).flatMap { _ in next } + closing)
    }

    static func content(_ count: Int) -> Script {
        let block = Line.client(Self.body(16_384))
        let blocks = (0..<count).flatMap { _ in [block, block, block, block] }
        return Script(opening + envelope + blocks + [client("."), backend("250 ok")] + closing)
    }

    private static let opening = [
        client("EHLO load.example.net"), client("MAIL FROM:<a@sender.example>"), client("RCPT TO:<bob@example.com>"),
        .connected, backend("220 sink ESMTP"), greeting, backend("220 sink ESMTP"), greeting,
    ]
    private static let greeting = backend(
        "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 100000000\r\n"
            + "250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n250 ENHANCEDSTATUSCODES")
    private static let envelope = [
        backend("250 ok\r\n250 ok"), client("DATA"), backend("354 go on"),
    ]
    private static let message = envelope + [.client(body(1000)), client("."), backend("250 ok")]
    private static let next = [client("MAIL FROM:<a@sender.example>"), client("RCPT TO:<bob@example.com>")] + message
    private static let closing = [client("QUIT"), backend("221 bye"), .backendEnds]

    private static func client(_ line: String) -> Line { .client(Array((line + "\r\n").utf8)) }
    private static func backend(_ line: String) -> Line { .backend(Array((line + "\r\n").utf8)) }

    /// Lines of 64 octets.
    private static func body(_ size: Int) -> [UInt8] {
        let line = [UInt8](repeating: 0x78, count: 62) + [13, 10]
        return Array(repeatElement(line, count: max(1, size / 64)).joined())
    }

    private static var context: SessionContext {
        var limits = ProtocolLimits()
        limits.maxMessages = 1_000_000_000
        limits.maxMessageSize = 1 << 40
        return SessionContext(
            hostname: "mx.example.org", listener: ListenerFacts(name: "mx", port: 25), tls: .none, limits: limits,
            timeouts: Timeouts(),
            book: RuleBook([BuiltInPolicy.inbound.policy(ourDomains: .domains(["example.com"]))]),
            backend: SessionContext.Backend(name: "b", identity: .xclient, tls: .none, judgesLogins: false, realm: nil))
    }
}

extension Script {
    func repeated(_ count: Int) -> Int {
        (0..<count).reduce(0) { sum, _ in sum &+ play() }
    }

    /// Plays it to the end and returns how many octets the peers were sent.
    func play() -> Int {
        var stage = Stage(self)
        for line in lines { stage.play(line) }
        return stage.sent
    }

    /// A conversation without sockets.
    private struct Stage: ~Copyable {
        var conversation: Conversation
        var now: UInt64 = 1_000_000_000_000
        var sent = 0

        init(_ script: Script) {
            let client = Endpoint(address: IPAddress(v4: 0xCB00_7107), port: 4711)
            conversation = Conversation(
                source: script.source, table: script.table, sid: "4ZbQ1x7kzq",
                client: ClientFacts(endpoint: client, local: Script.here), pool: script.pool, now: now)
            conversation.start(now: now)
            settle()
        }

        mutating func play(_ line: Line) {
            now &+= 1_000_000
            switch line {
            case .client(let bytes):
                let count = Self.give(bytes, to: &conversation.fromClient)
                conversation.clientSent(count, now: now)
            case .backend(let bytes):
                let count = Self.give(bytes, to: &conversation.fromBackend)
                conversation.backendSent(count, now: now)
            case .connected: conversation.backendConnected(now: now)
            case .backendEnds: conversation.backendEnded(now: now)
            }
            settle()
        }

        private static func give(_ bytes: [UInt8], to input: inout InputBuffer) -> Int {
            input.fill { room in
                let count = min(bytes.count, room.count)
                room.copyBytes(from: bytes.prefix(count))
                return count
            }
        }

        /// Takes what is written and lets effects pass; only the script acts on them.
        private mutating func settle() {
            var moved = true
            while moved {
                moved = false
                while let effect = conversation.nextEffect() {
                    _ = consume effect
                    moved = true
                }
                let toClient = conversation.toClient.count
                if toClient > 0 {
                    conversation.toClient.consume(toClient)
                    conversation.clientTook(toClient, now: now)
                }
                let toBackend = conversation.toBackend.count
                if toBackend > 0 {
                    conversation.toBackend.consume(toBackend)
                    conversation.backendTook(toBackend, now: now)
                }
                sent &+= toClient &+ toBackend
                moved = moved || toClient > 0 || toBackend > 0
            }
        }
    }
}
