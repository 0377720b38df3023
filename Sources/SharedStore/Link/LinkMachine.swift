import Bytes
import Throttle

/// How long a connection to the store waits for what; nanoseconds.
public struct StorePatience: Sendable {
    /// For the answer to a question; then the server counts as lost until it answers again.
    public var answer: UInt64 = 20_000_000
    /// For the connection, its TLS handshake and the introduction.
    public var opening: UInt64 = 3_000_000_000
    /// For the first answer of a server that is late; then the connection is given up.
    public var stall: UInt64 = 2_000_000_000
    /// Between a late server's last answer and the question whether it is quick again: the shortest and the longest.
    public var probe: ClosedRange<UInt64> = 50_000_000...1_000_000_000
    /// Between attempts to connect: the shortest and the longest.
    public var retry: ClosedRange<UInt64> = 100_000_000...5_000_000_000

    public init() {}
}

/// One connection to a server of the store, without its socket: what is written, what each reply means, what is too late.
///
/// A frozen server costs one wait: when the oldest request is unanswered for `patience.answer` all that are open are
/// given up at once and no others are taken, until every reply has arrived after all and a PING is answered in time.
struct LinkMachine {
    enum Phase: Equatable {
        case connecting
        case introducing
        case open
        /// It has not answered in time. `probeAt` is when it is to be tried, once nothing is awaited any more.
        case late(probeAt: UInt64)
        case over
    }

    /// Requests that may be open at a time.
    static let mostOpen = 1024

    enum Outcome: Equatable {
        case nothing
        case opened
        /// A late server is quick again.
        case recovered
        case answered(UInt64, StoreReply)
        /// To an errand that was given up.
        case answeredLate(UInt64, StoreReply)
        /// Nobody shall wait any longer for these.
        case late([UInt64])
        /// The map of slots, asked for again.
        case slots(StoreReply)
        case failed(StoreLossReason, String)
    }

    private(set) var phase = Phase.connecting
    private(set) var names = ScriptNames()
    /// The answer to CLUSTER SLOTS of a server that is part of a Cluster.
    private(set) var slots: StoreReply?
    private(set) var isReplica = false
    private let identity: StoreIdentity
    private let patience: StorePatience
    private var awaited = AwaitedReplies()
    /// What is awaited was given up.
    private var isLate = false
    private let begunAt: UInt64
    private var pause: UInt64
    private var scriptsOnTheirWay = 0

    init(_ identity: StoreIdentity, patience: StorePatience, now: UInt64) {
        (self.identity, self.patience, begunAt) = (identity, patience, now)
        pause = patience.probe.lowerBound
    }

    /// The errands that somebody still waits for.
    var errands: [UInt64] { isLate ? [] : awaited.errands }

    /// The errands whose replies will be too late for anybody.
    var abandoned: [UInt64] { isLate ? awaited.errands : [] }
}

// MARK: Requests

extension LinkMachine {
    /// Says who we are and asks what the server is, all at once.
    mutating func connected(_ output: inout OutputBuffer, now: UInt64) {
        phase = .introducing
        if let password = identity.password {
            output.request(identity.user == nil ? 2 : 3)
            output.word("AUTH")
            if let user = identity.user { output.word(Array(user.utf8)) }
            output.word(password.octets)
            awaited.append(.login, at: now)
        }
        if identity.database != 0 {
            output.request(2)
            output.word("SELECT")
            output.word(decimal: UInt64(max(0, identity.database)))
            awaited.append(.database, at: now)
        }
        output.request(1)
        output.word("ROLE")
        awaited.append(.role, at: now)
        askForSlots(&output, now: now)
        loadScripts(&output, now: now)
    }

    /// Does nothing while they are on their way already.
    mutating func loadScripts(_ output: inout OutputBuffer, now: UInt64) {
        guard scriptsOnTheirWay == 0 else { return }
        scriptsOnTheirWay = StoreScript.allCases.count
        for script in StoreScript.allCases {
            output.request(3)
            output.word("SCRIPT")
            output.word("LOAD")
            output.word(script.text)
            awaited.append(.script(script), at: now)
        }
    }

    mutating func askForSlots(_ output: inout OutputBuffer, now: UInt64) {
        output.request(2)
        output.word("CLUSTER")
        output.word("SLOTS")
        awaited.append(.slots, at: now)
    }

    /// Why no question can be taken now; nil if one can.
    var refusal: StoreLossReason? {
        switch phase {
        case .connecting, .introducing, .over: .disconnected
        case .late: .late
        case .open: awaited.count < Self.mostOpen ? nil : .overloaded
        }
    }

    /// Whether a request can be written that nobody waits for.
    var takesRefunds: Bool {
        switch phase {
        case .open, .late: awaited.count < Self.mostOpen
        case .connecting, .introducing, .over: false
        }
    }

    /// Notes that `errand` is about to be written, behind an ASKING if the server is only just getting its key.
    mutating func sends(_ errand: UInt64, isAsking: Bool, _ output: inout OutputBuffer, now: UInt64) {
        if isAsking {
            output.request(1)
            output.word("ASKING")
            awaited.append(.asking, at: now)
        }
        awaited.append(.errand(errand), at: now)
    }
}

// MARK: Replies

extension LinkMachine {
    mutating func received(_ reply: StoreReply, now: UInt64) -> Outcome {
        guard let entry = awaited.removeFirst() else {
            return failed(.refused, reply.errorText ?? "the server spoke without being asked")
        }
        if case .late = phase, awaited.count == 0 { phase = .late(probeAt: now + pause) }
        switch entry.request {
        case .errand(let number):
            return isLate ? .answeredLate(number, reply) : .answered(number, reply)
        case .probe: return probed(sentAt: entry.sentAt, now)
        case .slots: return received(slots: reply)
        case .script(let script): return loaded(script, reply)
        case .login, .database: return introduced(reply)
        case .role:
            // A server that does not let us ask is taken for a master; a replica refuses the first charge.
            isReplica = reply.elements?.first?.octets == Array("slave".utf8)
            return introduced(nil)
        case .asking: return .nothing
        }
    }

    private mutating func introduced(_ reply: StoreReply?) -> Outcome {
        if let error = reply?.errorText { return failed(.refused, error) }
        return .nothing
    }

    private mutating func received(slots reply: StoreReply) -> Outcome {
        let isFirst = phase == .introducing
        // An error says that the server is no part of a Cluster, or does not let us ask.
        if reply.elements != nil { slots = reply }
        if isFirst, let error = reply.errorText, error.hasPrefix("LOADING") { return failed(.refused, error) }
        return isFirst ? .nothing : .slots(reply)
    }

    private mutating func loaded(_ script: StoreScript, _ reply: StoreReply) -> Outcome {
        scriptsOnTheirWay -= 1
        guard let name = reply.octets else {
            return failed(.refused, reply.errorText ?? "the server takes no scripts")
        }
        names[script] = name
        guard phase == .introducing, awaited.count == 0 else { return .nothing }
        phase = .open
        return .opened
    }

    private mutating func probed(sentAt: UInt64, _ now: UInt64) -> Outcome {
        guard case .late = phase else { return .nothing }
        guard now - min(sentAt, now) <= patience.answer else {
            pause = min(pause * 2, patience.probe.upperBound)
            phase = .late(probeAt: now + pause)
            return .nothing
        }
        phase = .open
        isLate = false
        pause = patience.probe.lowerBound
        return .recovered
    }

    mutating func failed(_ reason: StoreLossReason, _ detail: String) -> Outcome {
        phase = .over
        return .failed(reason, detail)
    }
}

// MARK: Time

extension LinkMachine {
    /// When `timePassed` has something to do next; nil while nothing is awaited.
    var deadline: UInt64? {
        switch phase {
        case .connecting, .introducing: begunAt + patience.opening
        case .open: awaited.first.map { $0.sentAt + patience.answer }
        case .late(let probeAt): awaited.first.map { $0.sentAt + patience.stall } ?? probeAt
        case .over: nil
        }
    }

    mutating func timePassed(_ output: inout OutputBuffer, now: UInt64) -> Outcome {
        guard let deadline, deadline <= now else { return .nothing }
        switch phase {
        case .connecting: return failed(.disconnected, "no connection in time")
        case .introducing: return failed(.late, "no answer to the introduction in time")
        case .open:
            phase = .late(probeAt: now + pause)
            isLate = true
            return .late(awaited.errands)
        case .late where awaited.count > 0: return failed(.late, "no answer")
        case .late:
            output.request(1)
            output.word("PING")
            awaited.append(.probe, at: now)
            return .nothing
        case .over: return .nothing
        }
    }
}
