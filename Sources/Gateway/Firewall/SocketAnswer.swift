import FirewallPlan

/// What came of asking the helper for a socket.
enum SocketAnswer {
    /// The descriptor is the receiver's now.
    case granted(Int32)
    /// The text is one sentence.
    case refused(Reason, String)

    enum Reason: Equatable {
        /// The helper is not there, or went before it answered.
        case away
        case busy
        case said(HelperReply.Refusal.Code)
    }
}

/// Who waits for the helper's next replies; nil for a request whose reply says nothing but that it was refused.
struct Due {
    private var receivers: [((SocketAnswer) -> Void)?] = []
    private var head = 0

    var count: Int { receivers.count - head }

    mutating func append(_ receiver: ((SocketAnswer) -> Void)?) {
        receivers.append(receiver)
    }

    /// The receiver of the next reply; nil if no reply is due.
    mutating func next() -> (((SocketAnswer) -> Void)?)? {
        guard head < receivers.count else { return nil }
        let receiver = receivers[head]
        receivers[head] = nil
        head += 1
        if head == receivers.count { (receivers, head) = ([], 0) }
        return .some(receiver)
    }

    mutating func takeAll() -> [((SocketAnswer) -> Void)?] {
        defer { (receivers, head) = ([], 0) }
        return Array(receivers[head...])
    }
}
