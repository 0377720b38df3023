// A shared store with bad days, and what must be true whatever it does.

import Enforcement
import Throttle

/// Answers from buckets of its own; sometimes late, twice, with nonsense or not at all.
final class SimulatedStore {
    private struct Asked {
        let question: StoreQuestion
        let number: UInt32
        let notBefore: UInt64
        var isRepeated: Bool
    }

    private let oracle: Oracle
    private let table = LimitTable(capacity: 64, shards: 1)
    /// Of a hundred questions so many meet a fault.
    private let faults: Int
    private var asked: [Asked] = []
    /// The question for which the session stands still, and until when it may.
    private var open: (number: UInt32, until: UInt64)?
    /// Octets that waited for either peer when it was last looked at.
    private var waiting = 0
    /// Receipts that were handed out, by the serial number that each carries as its time.
    private var handedOut: Set<UInt64> = []
    private var serial: UInt64 = 0

    init(_ oracle: Oracle, faults: Int) {
        self.oracle = oracle
        self.faults = faults
    }

    var hasQuestion: Bool { open != nil }

    func ask(_ question: StoreQuestion, _ number: UInt32, now: UInt64, _ numbers: inout Numbers) {
        if let open, now < open.until { oracle.violate("a second question before the first was decided") }
        open = (number, now + 20_000_000)
        waiting = .max
        oracle.seen.questions += 1
        guard numbers.below(100) < faults else {
            asked.append(Asked(question: question, number: number, notBefore: now, isRepeated: false))
            return
        }
        switch numbers.below(4) {
        case 0: break
        case 1: asked.append(Asked(question: question, number: number, notBefore: now + 25_000_000, isRepeated: false))
        case 2: asked.append(Asked(question: question, number: number, notBefore: now, isRepeated: true))
        case _: asked.append(Asked(question: .peek([]), number: number, notBefore: now, isRepeated: false))
        }
    }

    func canAnswer(now: UInt64) -> Bool { asked.contains { $0.notBefore <= now } }

    /// Any of the answers that are due.
    func answer(now: UInt64, _ numbers: inout Numbers) -> (number: UInt32, answer: StoreAnswer)? {
        let due = asked.indices.filter { asked[$0].notBefore <= now }
        guard !due.isEmpty else { return nil }
        let index = due[numbers.below(due.count)]
        let one = asked[index]
        if one.isRepeated { asked[index].isRepeated = false } else { asked.remove(at: index) }
        if open?.number == one.number { open = nil }
        return (one.number, answer(one.question, now))
    }

    private func answer(_ question: StoreQuestion, _ now: UInt64) -> StoreAnswer {
        switch question {
        case .peek(let charges): return .owed(charges.map { _ in 0 })
        case .charge(let charges):
            if case .exceeded = table.charge(charges, now: now) {
                return .exceeded(waits: charges.map { max(1, table.wouldExceed([$0], now: now) ?? 0) })
            }
            return .charged(charges.map { receipt($0, now) })
        }
    }

    private func receipt(_ charge: BucketCharge, _ now: UInt64) -> StoreReceipt {
        serial += 1
        handedOut.insert(serial)
        return StoreReceipt(charge, since: serial, owed: charge.rate.interval)
    }

    func refund(_ receipts: [StoreReceipt]) {
        for receipt in receipts where handedOut.remove(receipt.since) == nil {
            oracle.violate("a charge was given back that was not made, or twice")
        }
        oracle.seen.refunds += receipts.count
    }

    /// Until the question is answered or its time is over nothing is said to anybody.
    func check(waiting: Int, now: UInt64, isAlone: Bool) {
        guard let open, !isAlone, now < open.until else {
            self.open = now < open?.until ?? 0 && !isAlone ? open : nil
            return
        }
        if waiting > self.waiting { oracle.violate("something was said before the store had answered") }
        self.waiting = waiting
    }
}
