public import SMTPWire

/// Replies in the order of their commands, each ready or awaiting the backend.
///
/// Only recipients are sent ahead, so only they wait here; everything else that needs the backend is a barrier.
public struct ReplyQueue: Sendable {
    /// Commands that may wait for a reply at once; the client is not read while there are more.
    public static let capacity = 256

    /// Most of the time there is one, which needs no array.
    private var oldest: Slot?
    /// Those behind it, from `head` on.
    private var later: [Slot] = []
    private var head = 0
    private var nextTicket: UInt32 = 0

    /// A recipient's place in the queue and among the backend's replies.
    public struct Ticket: Hashable, Sendable {
        let number: UInt32
    }

    fileprivate enum Slot: Sendable {
        case ready(Answer)
        /// The delay is the reply's, nanoseconds.
        case awaiting(Ticket, Verb, delay: UInt64)
    }

    /// A reply and the command that it answers.
    public struct Answer: Equatable, Sendable {
        public let verb: Verb
        public let reply: Reply
        /// Nanoseconds that a rule wants it held back.
        public let delay: UInt64
    }

    public init() {}

    public var isEmpty: Bool { oldest == nil }
    public var isFull: Bool { later.count - head >= Self.capacity - 1 }

    /// Queues a reply that is known.
    public mutating func append(_ reply: Reply, to verb: Verb, delay: UInt64 = 0) {
        append(.ready(Answer(verb: verb, reply: reply, delay: delay)))
    }

    /// Queues a place for a reply of the backend.
    public mutating func awaitReply(to verb: Verb, delay: UInt64 = 0) -> Ticket {
        nextTicket &+= 1
        let ticket = Ticket(number: nextTicket)
        append(.awaiting(ticket, verb, delay: delay))
        return ticket
    }

    private mutating func append(_ slot: Slot) {
        if oldest == nil { oldest = slot } else { later.append(slot) }
    }

    /// The backend's reply has come; a ticket that is not waiting is ignored.
    public mutating func answer(_ ticket: Ticket, with reply: Reply, delay: UInt64 = 0) {
        if oldest?.answer(ticket, with: reply, delay: delay) == true { return }
        for index in later.indices.dropFirst(head) where later[index].answer(ticket, with: reply, delay: delay) {
            return
        }
    }

    /// The session ends with `reply`: no later command gets one.
    public mutating func end(at ticket: Ticket, with reply: Reply) {
        if oldest?.answer(ticket, with: reply, delay: 0) == true {
            later = []
            head = 0
            return
        }
        for index in later.indices.dropFirst(head) where later[index].answer(ticket, with: reply, delay: 0) {
            later.removeSubrange((index + 1)...)
            return
        }
    }

    /// Every command that awaits the backend gets `reply`.
    public mutating func answerAll(with reply: Reply) {
        oldest?.answer(with: reply)
        for index in later.indices.dropFirst(head) { later[index].answer(with: reply) }
    }

    /// How long a rule wants the oldest command's reply held back; nil while it has none.
    public var nextDelay: UInt64? {
        if case .ready(let answer) = oldest { answer.delay } else { nil }
    }

    /// The next reply that may be written, if the oldest command has one.
    public mutating func next() -> Answer? {
        guard case .ready(let answer) = oldest else { return nil }
        if head < later.count {
            oldest = later[head]
            head += 1
        } else {
            oldest = nil
        }
        if head == later.count, head > 0 {
            later = []
            head = 0
        }
        return answer
    }

    /// Forgets all that waits: the session is closing.
    public mutating func removeAll() {
        oldest = nil
        later = []
        head = 0
    }
}

extension ReplyQueue.Slot {
    /// True if it was the one that waits for `ticket`.
    fileprivate mutating func answer(_ ticket: ReplyQueue.Ticket, with reply: Reply, delay: UInt64) -> Bool {
        guard case .awaiting(ticket, let verb, let earlier) = self else { return false }
        self = .ready(ReplyQueue.Answer(verb: verb, reply: reply, delay: max(delay, earlier)))
        return true
    }

    fileprivate mutating func answer(with reply: Reply) {
        guard case .awaiting(_, let verb, let delay) = self else { return }
        self = .ready(ReplyQueue.Answer(verb: verb, reply: reply, delay: delay))
    }
}
