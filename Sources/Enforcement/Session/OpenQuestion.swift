import Policy
import SMTPSession
import SMTPWire
import Throttle

/// A decision that waits for the shared store.
///
/// While there is one the conversation stands still: no more of the client's input is read, what the backend does is kept
/// for later, no reply is written and no fact changes, so the evaluation goes on from where it stopped as if no time had
/// passed. It lasts for one answer of the store, or for `patience`.
final class OpenQuestion {
    /// Nanoseconds that a command waits for the store.
    static let patience: UInt64 = 20_000_000

    let number: UInt32
    var evaluation: Evaluation
    let stage: Stage
    let account: Account
    /// What becomes of the decision.
    let purpose: Purpose
    let pending: Inquiry.Pending
    let since: UInt64

    init(
        number: UInt32, _ evaluation: Evaluation, _ stage: Stage, _ account: Account, for purpose: Purpose,
        _ pending: Inquiry.Pending, since: UInt64
    ) {
        self.number = number
        self.evaluation = evaluation
        self.stage = stage
        self.account = account
        self.purpose = purpose
        self.pending = pending
        self.since = since
    }

    var deadline: UInt64 { since &+ Self.patience }
}

/// Something that the shared store has to answer.
struct Inquiry {
    /// What has to be done with the answer.
    enum Pending {
        /// All of them, and those that are reserved in this machine's own table already.
        case charge([Charge], [(Charge, Reservation)])
        case peek(Charge)
    }

    let question: StoreQuestion
    let pending: Pending
}

/// What a decision was asked for: where the conversation goes on when it is made.
enum Purpose {
    case connection
    case command(Command)
    case login
    case loginResult(LoginAttempt?, LoginExchange.LoginOutcome, Reply)
    case recipientReply(ReplyQueue.Ticket, Reply, NewestRecipient)
    /// After DATA, or the last BDAT towards a backend without CHUNKING.
    case endOfData(Verb)
    case lastChunk
}

/// The recipient that was asked for last, while the facts are those of an earlier one.
struct NewestRecipient {
    let facts: RecipientFacts?
    let number: Int
}

/// What happened on the backend's connection while the conversation stood still.
enum HeldEvent: Equatable {
    case connected
    case connectFailed(String)
    case busy
    case secured
    case securityFailed(String)
    /// Octets are in `fromBackend`.
    case sent
    case ended
}

extension Ask {
    /// Whether the shared store knows something about it.
    var isShared: Bool {
        switch self {
        case .charge(let charges): charges.contains { $0.isShared }
        case .peek(let charge): charge.isShared
        }
    }
}
