/// The rules of one stage as they are asked: which of them can hold at all, found without asking each.
///
/// Each rule's condition and exception are brought into clauses: alternatives, of which one must hold for the rule to
/// hold. What clauses are made of are atoms (`AtomTests`), tests of one fact against constants; all atoms of a stage are
/// answered together, each field read once, and a rule whose clauses hold is then evaluated in full. What is no atom
/// (a map, two fields compared, a limit) leaves its clause out, so a rule is passed over only if it surely does not hold.
final class StagePlan: Sendable {
    /// The stage's rules among all entries of the book.
    let entries: Range<Int>
    let tests: AtomTests
    /// Of each rule, where its clauses begin in `clauses`, and the end of the last.
    private let starts: [Int32]
    /// A literal each, or the negative number of literals that follow as alternatives.
    private let clauses: [Int32]
    /// Rules that wait for no atom, a bit each.
    let ungated: [UInt64]
    /// Of each atom, where the rules begin in `gated` that cannot hold unless it does, or one of a few others.
    private let gates: [Int32]
    private let gated: [Int32]
    /// Words of 64 bits that hold a bit of each rule.
    var ruleWords: Int { ungated.count }
    /// Asking all atoms first is no gain.
    let isTrivial: Bool

    /// With fewer rules each is just evaluated.
    static let threshold = 6

    /// `rules` are entries' conditions and exceptions (-1 for none) in `program`.
    init(_ entries: Range<Int>, _ rules: [(when: Int32, unless: Int32)], _ program: Program) {
        self.entries = entries
        isTrivial = rules.count < Self.threshold
        var builder = ClauseBuilder(program)
        let all = isTrivial ? [] : rules.map { builder.clauses(of: $0) }
        var starts: [Int32] = [0]
        var clauses: [Int32] = []
        for rule in all {
            for clause in rule {
                if clause.count != 1 { clauses.append(-Int32(clamping: clause.count)) }
                clauses += clause
            }
            starts.append(Int32(clamping: clauses.count))
        }
        self.starts = starts
        self.clauses = clauses
        let gates = Self.gates(all, atoms: builder.atoms.count)
        ungated = gates.ungated
        self.gates =
            [0] + gates.rules.map { Int32(clamping: $0.count) }.reduce(into: []) { $0.append(($0.last ?? 0) + $1) }
        gated = gates.rules.flatMap(\.self)
        tests = AtomTests(builder.atoms, program)
    }

    /// Which rules wait for which atoms: each for the clause of atoms that must hold which the fewest others name.
    private static func gates(
        _ rules: [[ClauseBuilder.Clause]], atoms: Int
    ) -> (rules: [[Int32]], ungated: [UInt64]) {
        var uses = [Int](repeating: 0, count: atoms)
        for literal in rules.joined().joined() { uses[Int(literal >> 1)] += 1 }
        var waiting = [[Int32]](repeating: [], count: atoms)
        var ungated = [UInt64](repeating: 0, count: (rules.count + 63) / 64)
        for (rule, clauses) in rules.enumerated() {
            let positive = clauses.filter { !$0.contains { $0 & 1 == 1 } }
            let rarest = positive.min { a, b in
                a.map { uses[Int($0 >> 1)] }.reduce(0, +) < b.map { uses[Int($0 >> 1)] }.reduce(0, +)
            }
            guard let rarest else {
                ungated.set(Int32(clamping: rule))
                continue
            }
            for literal in Set(rarest) { waiting[Int(literal >> 1)].append(Int32(clamping: rule)) }
        }
        return (waiting, ungated)
    }

    /// The first rule from `entry` on that can hold, as the atoms' `answers` are; nil if there is none.
    func next(from entry: Int, _ answers: borrowing AtomAnswers) -> Int? {
        var rule = entry &- entries.lowerBound
        if isTrivial { return rule < entries.count ? entry : nil }
        var word = rule >> 6
        // Those before `rule` have had their turn.
        var mask: UInt64 = ~0 << UInt64(rule & 63)
        while word < ruleWords {
            let left = answers.candidates[word] & mask
            if left == 0 {
                word &+= 1
                mask = ~0
                continue
            }
            let bit = left.trailingZeroBitCount
            rule = word << 6 &+ bit
            if canHold(rule, answers.bits) { return rule &+ entries.lowerBound }
            mask = ~1 << UInt64(bit)
        }
        return nil
    }

    /// Makes a candidate of every rule that waits for `atom`.
    @inline(__always)
    func wake(_ atom: Int, _ candidates: inout [UInt64]) {
        for place in Int(gates[atom])..<Int(gates[atom &+ 1]) { candidates.set(gated[place]) }
    }

    private func canHold(_ rule: Int, _ answers: borrowing [UInt64]) -> Bool {
        var place = Int(starts[rule])
        let end = Int(starts[rule &+ 1])
        while place < end {
            let word = clauses[place]
            place &+= 1
            if word >= 0 {
                if !Self.holds(word, answers) { return false }
                continue
            }
            let next = place &- Int(word)
            while place < next, !Self.holds(clauses[place], answers) { place &+= 1 }
            if place == next { return false }
            place = next
        }
        return true
    }

    /// A literal is twice an atom's number, and one more where the atom must not hold.
    @inline(__always)
    private static func holds(_ literal: Int32, _ answers: borrowing [UInt64]) -> Bool {
        let atom = literal >> 1
        return answers[Int(atom >> 6)] >> UInt64(atom & 63) & 1 != UInt64(literal & 1)
    }
}

/// The answers of a stage's atoms, kept in a thread's scratch memory: one evaluation at a time fills them, and who comes
/// back after another has used them fills them again.
struct AtomAnswers {
    private(set) var bits: [UInt64] = []
    /// Rules that may hold, a bit each.
    private(set) var candidates: [UInt64] = []
    private var owner: UInt64 = 0

    /// Answers all atoms anew unless `owner` did so last; the owner from now on.
    mutating func fill(
        _ plan: StagePlan, for owner: UInt64, _ facts: borrowing Facts, tags: [String]
    ) -> UInt64 {
        if owner != 0, owner == self.owner { return owner }
        self.owner &+= 1
        let words = plan.tests.words
        if bits.count < words { bits = [UInt64](repeating: 0, count: words) }
        for word in 0..<words { bits[word] = 0 }
        plan.tests.answer(facts, tags: tags, into: &bits)
        if candidates.count < plan.ruleWords { candidates = [UInt64](repeating: 0, count: plan.ruleWords) }
        for word in 0..<plan.ruleWords { candidates[word] = plan.ungated[word] }
        for word in 0..<words { wake(word, plan) }
        return self.owner
    }

    /// A rule has just given `tag`.
    mutating func note(tag: String, _ plan: StagePlan, for owner: UInt64) {
        guard owner != 0, owner == self.owner else { return }
        plan.tests.answer(tag: tag, into: &bits)
        for word in 0..<plan.tests.words { wake(word, plan) }
    }

    private mutating func wake(_ word: Int, _ plan: StagePlan) {
        var left = bits[word]
        while left != 0 {
            plan.wake(word << 6 &+ left.trailingZeroBitCount, &candidates)
            left &= left &- 1
        }
    }
}
