import Bytes
import Throttle

/// One question on its way: which buckets have answered, and what is to be given back if a later one refuses.
///
/// On a single server all buckets are one part, charged all or none in one script. On a Cluster each slot is a part of
/// its own, one after another: while a later part is asked the earlier ones are charged, so for a moment a limit may be
/// stricter than it is, never looser.
struct QuestionRun {
    /// What a reply leads to.
    enum Step: Equatable {
        /// The next part must be asked.
        case next
        case answer(StoreAnswer)
        /// The reply is no answer to the question.
        case unexpected
    }

    let ticket: StoreTicket
    let charges: [BucketCharge]
    let isPeek: Bool
    let keys: [[UInt8]]
    /// Indices into `charges`; the first part is the one that is asked.
    private(set) var parts: ArraySlice<[Int]>
    /// What has been charged, by index.
    private(set) var receipts: [StoreReceipt?]
    private var owed: [UInt64]
    /// Redirections and repetitions, which are bounded.
    var detours = 0
    /// The question was answered with `lost`; an answer comes late, if it comes.
    var isAbandoned = false

    static let mostDetours = 5

    init(_ question: StoreQuestion, _ ticket: StoreTicket, bySlot: Bool) {
        self.ticket = ticket
        switch question {
        case .charge(let charges): (self.charges, isPeek) = (charges, false)
        case .peek(let charges): (self.charges, isPeek) = (charges, true)
        }
        keys = charges.map { BucketKey.octets($0.name) }
        parts = bySlot ? Self.partsBySlot(keys)[...] : [Array(charges.indices)]
        receipts = Array(repeating: nil, count: charges.count)
        owed = Array(repeating: 0, count: charges.count)
    }

    private static func partsBySlot(_ keys: [[UInt8]]) -> [[Int]] {
        var slots: [KeySlot] = []
        var parts: [[Int]] = []
        for (index, key) in keys.enumerated() {
            let slot = KeySlot(of: key)
            if let known = slots.firstIndex(of: slot) {
                parts[known].append(index)
            } else {
                slots.append(slot)
                parts.append([index])
            }
        }
        return parts
    }

    /// The slot of the part that is asked.
    var slot: KeySlot { KeySlot(of: part.first.map { keys[$0] } ?? []) }

    /// The indices of the part that is asked.
    var part: [Int] { parts.first ?? [] }

    /// What has been charged so far.
    var charged: [StoreReceipt] { receipts.compactMap(\.self) }

    /// Asks for one bucket at a time from here on; false if that is so already.
    mutating func split() -> Bool {
        guard part.count > 1 else { return false }
        parts = part.map { [$0] } + parts.dropFirst()
        return true
    }

    /// Writes the script's call for the part that is asked.
    func write(_ output: inout OutputBuffer, _ names: ScriptNames) {
        output.request(3 + part.count * (isPeek ? 1 : 5))
        output.word("EVALSHA")
        output.word(names[isPeek ? .peek : .charge])
        output.word(decimal: UInt64(part.count))
        for index in part { output.word(keys[index]) }
        if isPeek { return }
        for index in part {
            output.word(pair: PairedTime(charges[index].price))
            output.word(pair: PairedTime(charges[index].rate.tolerance))
        }
    }
}

// MARK: Replies

extension QuestionRun {
    /// Reads a script's reply: 1 or 0, now, and what was owed for each bucket of the part.
    mutating func received(_ reply: StoreReply) -> Step {
        guard let values = reply.elements, values.count == 3 + 2 * part.count, let passed = values[0].integer,
            let now = PairedTime(values[1], values[2])
        else { return .unexpected }
        for (place, index) in part.enumerated() {
            guard let time = PairedTime(values[3 + 2 * place], values[4 + 2 * place]) else { return .unexpected }
            owed[index] = time.whole
        }
        if passed != 1 { return .answer(.exceeded(waits: waits())) }
        if !isPeek { charge(at: now.whole) }
        parts = parts.dropFirst()
        if !parts.isEmpty { return .next }
        return .answer(isPeek ? .owed(owed) : .charged(charged))
    }

    private mutating func charge(at now: UInt64) {
        for index in part {
            receipts[index] = StoreReceipt(
                charges[index], since: now.addingSaturating(owed[index]),
                owed: owed[index].addingSaturating(charges[index].price))
        }
    }

    /// What the buckets of this part lack; those of other parts have passed, or were not asked.
    private func waits() -> [UInt64] {
        var waits = [UInt64](repeating: 0, count: charges.count)
        for index in part {
            let charge = charges[index]
            let (sum, most) = (owed[index].addingSaturating(charge.price), charge.rate.tolerance)
            waits[index] = charge.price > most ? .max : (sum > most ? sum - most : 0)
        }
        return waits
    }
}

extension BucketCharge {
    /// Nanoseconds that the event pays.
    var price: UInt64 { rate.interval.multipliedSaturating(by: cost) }
}

extension OutputBuffer {
    mutating func word(pair time: PairedTime) {
        word(decimal: time.seconds)
        word(decimal: time.nanoseconds)
    }
}
