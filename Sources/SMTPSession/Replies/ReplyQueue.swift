public import SMTPWire

/// Replies in the order of their commands, each ready or awaiting the backend.
///
/// Only recipients are sent ahead, so only they wait here; everything else that needs the backend is a barrier.
public struct ReplyQueue: Sendable {
    /// Commands that may wait for a reply at once; the client is not read while there are more.
    public static let capacity = 256

    private var slots: [Slot] = []
    private var head = 0
    private var nextTicket: UInt32 = 0

    /// A recipient's place in the queue and among the backend's replies.
    public struct Ticket: Hashable, Sendable {
        let number: UInt32
    }

    private enum Slot: Sendable {
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

    public var isEmpty: Bool { head == slots.count }
    public var isFull: Bool { slots.count - head >= Self.capacity }

    /// Queues a reply that is known.
    public mutating func append(_ reply: Reply, to verb: Verb, delay: UInt64 = 0) {
        slots.append(.ready(Answer(verb: verb, reply: reply, delay: delay)))
    }

    /// Queues a place for a reply of the backend.
    public mutating func awaitReply(to verb: Verb, delay: UInt64 = 0) -> Ticket {
        nextTicket &+= 1
        let ticket = Ticket(number: nextTicket)
        slots.append(.awaiting(ticket, verb, delay: delay))
        return ticket
    }

    /// The backend's reply has come; a ticket that is not waiting is ignored.
    public mutating func answer(_ ticket: Ticket, with reply: Reply, delay: UInt64 = 0) {
        for index in head..<slots.count {
            if case .awaiting(ticket, let verb, let earlier) = slots[index] {
                slots[index] = .ready(Answer(verb: verb, reply: reply, delay: max(delay, earlier)))
                return
            }
        }
    }

    /// The session ends with `reply`: no later command gets one.
    public mutating func end(at ticket: Ticket, with reply: Reply) {
        for index in head..<slots.count {
            if case .awaiting(ticket, let verb, let delay) = slots[index] {
                slots.removeSubrange(index...)
                return append(reply, to: verb, delay: delay)
            }
        }
    }

    /// Every command that awaits the backend gets `reply`.
    public mutating func answerAll(with reply: Reply) {
        for index in head..<slots.count {
            if case .awaiting(_, let verb, let delay) = slots[index] {
                slots[index] = .ready(Answer(verb: verb, reply: reply, delay: delay))
            }
        }
    }

    /// How long a rule wants the oldest command's reply held back; nil while it has none.
    public var nextDelay: UInt64? {
        guard head < slots.count, case .ready(let answer) = slots[head] else { return nil }
        return answer.delay
    }

    /// The next reply that may be written, if the oldest command has one.
    public mutating func next() -> Answer? {
        guard head < slots.count, case .ready(let answer) = slots[head] else { return nil }
        head += 1
        if head == slots.count {
            slots = []
            head = 0
        }
        return answer
    }

    /// Forgets all that waits: the session is closing.
    public mutating func removeAll() {
        slots = []
        head = 0
    }
}
