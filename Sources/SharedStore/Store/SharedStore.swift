public import Reactor
public import Throttle

/// A worker's questions to the shared store: one script for each, pipelined, without blocking.
///
/// A server that answers with an error that concerns all questions (out of memory, loading, no permission) counts as
/// lost until it answers one again; it is asked all the same, since that is how it is found to be well.
public final class SharedStore: SharedBuckets {
    /// Requests whose answer nobody waits for.
    private static let nobody: UInt64 = 0

    private let net: StoreNet
    private weak var receiver: (any StoreReceiver)?
    private var runs: [UInt64: QuestionRun] = [:]
    private var lastErrand = SharedStore.nobody
    private var connections: StoreStanding?
    /// What a server that can be reached complains of.
    private var complaint: String?

    /// `loop` is the worker's own; `receiver` is not kept alive.
    public init(_ settings: StoreSettings, loop: EventLoop, receiver: any StoreReceiver) {
        net = StoreNet(settings, loop: loop)
        self.receiver = receiver
    }

    public func start() {
        net.start(self)
    }

    /// Ends the connections; what is open stays without an answer.
    public func stop() {
        receiver = nil
        runs = [:]
        net.stop()
    }

    public func ask(_ question: StoreQuestion, _ ticket: StoreTicket) -> StoreLossReason? {
        let run = QuestionRun(question, ticket, bySlot: net.map != nil)
        guard !run.part.isEmpty else { return .refused }
        return send(run, over: net.link(for: run.slot))
    }

    public func refund(_ receipts: [StoreReceipt]) {
        guard !receipts.isEmpty else { return }
        let refunds = receipts.map { RefundPart($0) }
        guard net.map != nil else {
            net.link(for: KeySlot(of: refunds[0].key))?.sendRefund(Self.nobody) { RefundPart.write(refunds, &$0, $1) }
            return
        }
        for refund in refunds {
            net.link(for: KeySlot(of: refund.key))?.sendRefund(Self.nobody) { RefundPart.write([refund], &$0, $1) }
        }
    }

    private func send(_ run: QuestionRun, over link: StoreLink?, isAsking: Bool = false) -> StoreLossReason? {
        guard let link else { return .disconnected }
        let errand = lastErrand + 1
        if let refusal = link.send(errand, isAsking: isAsking, run.write) { return refusal }
        lastErrand = errand
        runs[errand] = run
        return nil
    }
}

// MARK: Answers

extension SharedStore: StoreNetOwner {
    func storeAnswered(_ errand: UInt64, _ reply: StoreReply, from link: StoreLink, isLate: Bool) {
        guard var run = runs.removeValue(forKey: errand) else {
            if case .error(let error) = reply { _ = net.detour(error, from: link) }
            return
        }
        if case .error(let error) = reply { return refused(run, error, from: link) }
        switch run.received(reply) {
        case .next where run.isAbandoned: refund(run.charged)
        case .next: goOn(run, over: net.link(for: run.slot))
        case .answer(.charged(let receipts)) where run.isAbandoned: refund(receipts)
        case .answer(let answer):
            if case .exceeded = answer { refund(run.charged) }
            recovered()
            self.answer(run, answer)
        case .unexpected: lose(run, .refused)
        }
    }

    func storeLost(_ errand: UInt64, _ reason: StoreLossReason) {
        guard var run = runs.removeValue(forKey: errand) else { return }
        lose(run, reason)
        run.isAbandoned = true
        runs[errand] = run
    }

    func storeForgot(_ errand: UInt64) {
        runs[errand] = nil
    }

    func storeNetChanged(_ standing: StoreStanding) {
        connections = standing
        let isKnown = complaint != nil && standing != .up
        complaint = nil
        if !isKnown { receiver?.storeChanged(standing) }
    }

    private func goOn(_ run: QuestionRun, over link: StoreLink?, isAsking: Bool = false) {
        if let refusal = send(run, over: link, isAsking: isAsking) { lose(run, refusal) }
    }

    private func refused(_ run: QuestionRun, _ error: [UInt8], from link: StoreLink) {
        var run = run
        run.detours += 1
        let detour = net.detour(error, from: link)
        if run.isAbandoned { return }
        switch detour {
        case .again(let other, let isAsking) where run.detours <= QuestionRun.mostDetours:
            goOn(run, over: other, isAsking: isAsking)
        case .split where run.split(): goOn(run, over: net.link(for: run.slot))
        case .again, .split: lose(run, .refused)
        case .refused(let text):
            lose(run, .refused)
            complain(text)
        }
    }

    private func lose(_ run: QuestionRun, _ reason: StoreLossReason) {
        refund(run.charged)
        answer(run, .lost(reason))
    }

    private func answer(_ run: QuestionRun, _ answer: StoreAnswer) {
        guard !run.isAbandoned else { return }
        receiver?.storeAnswered(run.ticket, answer)
    }
}

// MARK: A server that is there and of no use

extension SharedStore {
    /// Errors that mean every question.
    private static let general: Set<String> = [
        "OOM", "MISCONF", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "BUSY", "NOPERM", "NOAUTH",
        "MOVED",
    ]

    private func complain(_ text: String) {
        guard complaint == nil, connections == .up, Self.general.contains(String(text.prefix { $0 != " " })) else {
            return
        }
        complaint = text
        receiver?.storeChanged(.lost(.refused, detail: text))
    }

    private func recovered() {
        guard complaint != nil else { return }
        complaint = nil
        receiver?.storeChanged(.up)
    }
}
