import Bytes
import Reactor
import SharedStore
import Testing
import Throttle

/// A worker's loop with a store on it, and what the store has said.
final class StoreBench: StoreReceiver {
    let loop: EventLoop
    private(set) var store: SharedStore?
    private(set) var answers: [StoreTicket: StoreAnswer] = [:]
    private(set) var twice: [StoreTicket] = []
    private(set) var standings: [StoreStanding] = []
    private var lastTicket: UInt32 = 0
    private var isAsking = false

    init(_ settings: StoreSettings, loop: EventLoop? = nil) throws {
        self.loop = try loop ?? EventLoop()
        let store = SharedStore(settings, loop: self.loop, receiver: self)
        self.store = store
        store.start()
    }

    convenience init(_ server: RedisServer, loop: EventLoop? = nil) throws {
        try self.init(Self.settings(server.port), loop: loop)
    }

    /// The product's settings, but a machine that builds and tests at once may take longer than 20 ms for anything.
    static func settings(
        _ ports: UInt16..., user: String? = nil, password: String? = nil, database: Int = 0
    ) -> StoreSettings {
        var settings = StoreSettings(
            servers: ports.map { StoreServer(host: "127.0.0.1", port: $0) }, database: database, user: user,
            password: password.map { StorePassword(Array($0.utf8)) },
            lookUp: { $0 == "localhost" ? [IPAddress(v4: 0x7F00_0001)] : [] })
        settings.patience.answer = 2_000_000_000
        settings.patience.stall = 4_000_000_000
        return settings
    }

    deinit {
        store?.stop()
    }

    var standing: StoreStanding? { standings.last }

    /// Questions that have no answer yet.
    var open: Int { Int(lastTicket) - answers.count }

    func storeAnswered(_ ticket: StoreTicket, _ answer: StoreAnswer) {
        if isAsking { Issue.record("an answer from inside the question") }
        if answers.updateValue(answer, forKey: ticket) != nil { twice.append(ticket) }
    }

    func storeChanged(_ standing: StoreStanding) { standings.append(standing) }

    /// Turns the loop until it is so, for half a minute at most.
    @discardableResult
    func until(_ holds: () -> Bool) -> Bool {
        let deadline = Instant.current() + 30_000_000_000
        while !holds() {
            if Instant.current() > deadline { return false }
            loop.turn(atMost: 50)
        }
        return true
    }

    func isUp() -> Bool { until { standing == .up } }

    /// Asks and returns the ticket, or why the question was not taken.
    func begin(_ question: StoreQuestion) -> Result<StoreTicket, Refusal> {
        lastTicket += 1
        let ticket = StoreTicket(session: 1, number: lastTicket)
        isAsking = true
        defer { isAsking = false }
        guard let store else { return .failure(Refusal(reason: .disconnected)) }
        if let reason = store.ask(question, ticket) { return .failure(Refusal(reason: reason)) }
        return .success(ticket)
    }

    struct Refusal: Error {
        let reason: StoreLossReason
    }

    /// Asks and waits for the answer.
    func ask(_ question: StoreQuestion) -> StoreAnswer {
        switch begin(question) {
        case .failure(let refusal): return .lost(refusal.reason)
        case .success(let ticket):
            until { answers[ticket] != nil }
            return answers[ticket] ?? .lost(.disconnected)
        }
    }

    func charge(_ charges: BucketCharge...) -> StoreAnswer { ask(.charge(charges)) }
}

/// Limits and buckets of the tests.
enum Sample {
    static let second: UInt64 = 1_000_000_000

    static func rate(_ count: UInt64, per period: UInt64 = 3600 * second, burst: UInt64) -> RateLimit {
        RateLimit(count: count, period: period, burst: burst)
    }

    static func charge(_ key: String, _ rate: RateLimit, family: UInt64 = 7, cost: UInt64 = 1) -> BucketCharge {
        BucketCharge(BucketName(family: family, key: Array(key.utf8)), rate: rate, cost: cost)
    }
}

extension StoreAnswer {
    var receipts: [StoreReceipt]? {
        if case .charged(let receipts) = self { receipts } else { nil }
    }

    var waits: [UInt64]? {
        if case .exceeded(let waits) = self { waits } else { nil }
    }

    var owed: [UInt64]? {
        if case .owed(let owed) = self { owed } else { nil }
    }

    var loss: StoreLossReason? {
        if case .lost(let reason) = self { reason } else { nil }
    }
}

/// A value that `#expect` may change.
final class Kept<Value> {
    var value: Value

    init(_ value: Value) { self.value = value }
}
