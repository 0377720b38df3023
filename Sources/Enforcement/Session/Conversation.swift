public import Bytes
public import Policy
import SMTPSession
import SMTPWire
import Synchronization

/// One conversation: a client, a policy and a backend, as a value.
///
/// It owns the machines of both sides, the four buffers, the order of replies and the deadlines. It does no I/O and
/// knows no clock: a driver fills `fromClient` and `fromBackend`, empties `toClient` and `toBackend`, calls one method
/// for each thing that happened, and then carries out `nextEffect()` until there is none. Gateway, simulation and
/// policy tests drive the same value.
///
/// What it promises: replies in order, one a command; nothing relayed without a permit; no 2xx or 354 to RCPT, DATA,
/// the last BDAT or the end of data that the backend did not give; a backend that is lost or lies costs 4xx.
public struct Conversation: ~Copyable {
    public var fromClient: InputBuffer
    public var toClient: OutputBuffer
    public var fromBackend: InputBuffer
    public var toBackend: OutputBuffer

    /// From so many octets on, the driver takes message content out of `fromClient` itself, so that it is not copied.
    ///
    /// Fewer are copied: they may leave in one write with what stands before and behind them.
    public var worthLending = Int.max
    /// Octets at the front of `fromClient` that the driver writes to the backend as they are, behind `toBackend`.
    public internal(set) var lent = 0
    /// Octets behind them that are read already and are not passed on.
    var withheld = 0

    /// Taken anew from `source` at each MAIL that begins a transaction.
    var context: SessionContext
    let source: ContextSource
    let table: BackendTable
    /// Who the session is, for reports.
    public internal(set) var identity: SessionIdentity

    var machine = ClientMachine()
    var backend: BackendMachine
    var replyParser = ReplyParser()
    var queue = ReplyQueue()
    /// Recipients that the backend has not answered, in order; a later command has its own facts by then.
    var recipientsSent: [SentRecipient] = []
    var facts: Facts
    var reading = Reading.paused(.greeting)
    /// Outside the session's own memory: few sessions are inside an exchange.
    @Boxed var login: LoginAttempt?
    var chunks: ChunkStream?
    var effects = FIFO<Effect>()
    /// Decisions that accepted and are not reported (`ContextSource.reportsAcceptances`), since the driver last took them.
    var acceptances: UInt32 = 0

    /// The session's clock, nanoseconds; moved by every event.
    var now: UInt64
    let startedAt: UInt64
    var client = ClientProgress()
    var server = BackendProgress()
    var tally = Tally()
    /// What limits and slowing rules have to remember, which most sessions have nothing of.
    var burdens: Burdens?
    /// A decision that waits for the shared store: until it is made, nothing else happens.
    var question: OpenQuestion?
    /// What the backend's connection did in the meantime.
    var held: [HeldEvent] = []
    /// Questions that were given up and may still be answered.
    var unanswered: [UInt32] = []
    var lastQuestion: UInt32 = 0
    /// Follows the header of the message that is read.
    @Boxed var observer: HeaderObserver?
    /// Set when the connection has no client of its own (PROXY LOCAL or UNKNOWN).
    let hasClient: Bool
    /// What becomes of a session that was meant for somebody else; nil for one that was meant for us.
    let intercepted: Intercepted?
    /// The server has taken the client's STARTTLS; a stored fact, since every event asks.
    var isPassedOn = false
    /// Keeps the compiler from moving the value about for calls that only read it (docs/decisions/0016).
    private let place = Atomic<UInt8>(0)

    /// A conversation with `client`, which is where a trusted PROXY header says it is.
    ///
    /// Without `hasClient` (a PROXY header that names nobody) mail and logins are refused. `now` is monotonic
    /// nanoseconds; every later event carries the same clock. An intercepted session's `table` holds the one server that
    /// its client meant.
    public init(
        source: ContextSource, table: BackendTable, sid: String, client: ClientFacts, hasClient: Bool = true,
        intercepted: Intercepted? = nil, pool: BufferPool, now: UInt64
    ) {
        let context = source.current
        self.source = source
        self.context = context
        self.table = table
        self.hasClient = hasClient
        self.intercepted = intercepted
        self.now = now
        startedAt = now
        var client = client
        client.netBits = UInt8(
            clamping: client.endpoint.address.isV4 ? context.limits.clientPrefixV4 : context.limits.clientPrefixV6)
        facts = Facts(client: client, listener: context.listener)
        identity = SessionIdentity(sid: sid, listener: context.listener.name, client: client.endpoint)
        backend = BackendMachine(
            identity: context.backend.identity, tls: context.backend.tls,
            client: ClientIdentity(
                source: client.endpoint, destination: client.local, name: client.name, helo: [], isExtended: true),
            isTransparent: intercepted == .relay, reader: table.reader)
        fromClient = InputBuffer(pool: pool)
        toClient = OutputBuffer(pool: pool)
        fromBackend = InputBuffer(pool: pool)
        toBackend = OutputBuffer(pool: pool)
    }

    /// The next thing to do, oldest first.
    public mutating func nextEffect() -> Effect? {
        guard let effect = effects.popFirst() else { return nil }
        // An idle session keeps no memory for effects.
        if effects.isEmpty, backend.isDisconnected { effects.removeAll() }
        return effect
    }

    /// How many decisions accepted without a report since this was asked last.
    public mutating func takeAcceptances() -> UInt64 {
        defer { acceptances = 0 }
        return UInt64(acceptances)
    }

    /// Whether there is anything to do.
    public var hasEffects: Bool { !effects.isEmpty }

    /// Whether QUIT was answered, so that the client expects us to close.
    public var clientHasQuit: Bool { client.hasQuit }

    /// Whether the backend was told QUIT, so that only its close is waited for.
    public var isQuittingBackend: Bool { server.isQuitting }

    /// Content waits for the backend to take more.
    var isBackendBehind: Bool { lent > 0 || toBackend.isAboveHighWater }

    /// Whether the driver should read from the client: not while the backend or the client itself is behind.
    public var wantsClientInput: Bool {
        if question != nil { return !fromClient.isFull }
        return switch reading {
        case .paused(.closed), .paused(.handshake): false
        case .paused: !fromClient.isFull
        case .commands, .loginResponse, .overlongLine: !toClient.isAboveHighWater && !queue.isFull
        case .content, .chunk: !isBackendBehind
        case .spliced(let splice): !splice.isClientDone && !toBackend.isAboveHighWater
        }
    }

    /// Whether the driver should read from the backend: replies are few and bounded, what is only passed on is not.
    public var wantsBackendInput: Bool {
        if case .spliced(let splice) = reading { !splice.isServerDone && !toClient.isAboveHighWater } else { true }
    }
}

/// The clock of the client's side.
struct ClientProgress {
    /// When the client last did something that counts for its deadline.
    var since: UInt64 = 0
    /// When the first octet of the line in `fromClient` came; nil when the line has not begun.
    var lineBegan: UInt64?
    /// When content began to flow, moved on by the time that we did not read.
    var contentBegan: UInt64 = 0
    /// Set while content is not read because the backend is behind.
    var heldSince: UInt64?
    /// When output last moved, or began to wait.
    var lastWrite: UInt64 = 0
    var hadOutput = false
    /// Commands are not read because too many replies wait.
    var isHeld = false
    /// The client is gone; the session goes on only to hear the end of data answered.
    var isGone = false
    /// QUIT was answered.
    var hasQuit = false
    /// The last command, for "lost connection after".
    var lastCommand = "CONNECT"
    var drains = false
    /// The client sends no more, but may still read (a half-closed connection).
    var isAtEnd = false
}

/// What the conversation knows of its backend connection besides the machine's state.
struct BackendProgress {
    /// The server in the table; nil while there is no connection.
    var index: Int?
    /// Servers that this attempt has tried.
    var tried: UInt64 = 0
    var since: UInt64 = 0
    var hadOutput = false
    /// MAIL was sent and its transaction has not ended there.
    var hasTransaction = false
    /// The client has greeted anew since the backend last heard it.
    var needsHello = false
    /// A login that held on a connection that is gone: the next command gets 421 (no password is kept to repeat it).
    var lostLogin = false
    /// QUIT was sent; the backend closes first.
    var isQuitting = false
}

/// A recipient that the backend has not answered.
struct SentRecipient {
    var ticket: ReplyQueue.Ticket
    var recipient: RecipientFacts
    /// `rcpt.count` when it was asked for.
    var number: Int
    var payments: Payments
}

/// What is counted in a session.
struct Tally {
    var errors = 0
    var junk = 0
    /// Transactions whose end the backend has answered.
    var transactions = 0
    /// By the verb's raw value.
    var counts = InlineArray<16, SessionCount>(repeating: SessionCount())
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0

    struct SessionCount {
        var succeeded: UInt32 = 0
        var total: UInt32 = 0
    }
}

/// The AUTH exchange that runs.
struct LoginAttempt {
    var exchange: LoginExchange
    /// The decision of stage `auth`, until stage `login` has given its own.
    var decision: Decision
    /// The name in canonical form, once it was learnt.
    var name: [UInt8]?
    /// All servers offered the mechanism when they were last heard.
    var wasPromised = false
    /// The backend was lost while the client was to answer a challenge.
    var isLost = false
    /// A rule that drops has spoken: the session ends with the reply.
    var closes = false
}
