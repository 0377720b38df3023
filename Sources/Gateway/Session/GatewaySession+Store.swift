import Enforcement
import Reactor
import SharedStore
import Throttle

// The shared store, which the worker's sessions ask together.

extension GatewaySession {
    func askStore(_ question: StoreQuestion, _ number: UInt32) {
        guard let store = worker.store else {
            return conversation.storeAnswered(number, .lost(.disconnected), now: now)
        }
        if let reason = store.ask(question, StoreTicket(session: key, number: number)) {
            conversation.storeAnswered(number, .lost(reason), now: now)
        }
    }

    func refundStore(_ receipts: [StoreReceipt]) {
        worker.store?.refund(receipts)
    }
}

extension Worker: StoreReceiver {
    func open(_ settings: StoreSettings) {
        let store = SharedStore(settings, loop: loop, receiver: self)
        self.store = store
        store.start()
    }

    func storeAnswered(_ ticket: StoreTicket, _ answer: StoreAnswer) {
        guard let session = sessions[ticket.session] else {
            // Nobody is there whom the charge could be for.
            if case .charged(let receipts) = answer { store?.refund(receipts) }
            return
        }
        session.conversation.storeAnswered(ticket.number, answer, now: session.now)
        session.settle()
    }

    func storeChanged(_ standing: StoreStanding) {
        self.standing = standing
        for port in ports.values { port.source.store = storeUse }
        supervisor.post(.store(worker: number, standing))
    }

    /// What the sessions of a listener are told about the store.
    var storeUse: SharedStoreUse {
        if store == nil { return .none }
        if case .up = standing { return .up }
        return .troubled
    }
}
