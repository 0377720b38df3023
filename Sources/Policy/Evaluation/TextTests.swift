import Bytes

/// What a stage's rules ask of one text field.
struct TextTests: Sendable {
    let field: Field
    /// The constants that it is compared with, and which atoms each satisfies.
    private var values = ByteTable()
    private var atomsOfValue: [[Int32]] = []
    private var parts: [(pairs: PairSet, test: TextTest, part: [UInt8], atom: Int32)] = []
    private var patterns: [(pairs: PairSet, atom: Int32)] = []
    private var lists: TextMembership?

    init(_ field: Field, _ atoms: [(Atom, Int32)], _ program: Program) {
        self.field = field
        var asked: [(list: List, atom: Int32)] = []
        for (atom, number) in atoms {
            switch atom {
            case .text(_, let values): add(values, number)
            case .part(_, let test, let part): parts.append((PairSet(part.span), test, part, number))
            case .mayMatch(_, let pattern): patterns.append((program.patterns[Int(pattern)].pairs, number))
            case .inList(_, let list): asked.append((program.lists[Int(list)], number))
            case .never, .flag, .has, .number, .address, .net, .tag: break
            }
        }
        if !asked.isEmpty { lists = TextMembership(asked, of: field, realm: program.realm) }
    }

    private mutating func add(_ texts: [[UInt8]], _ atom: Int32) {
        for text in Set(texts) {
            values.insert(text, until: .max)
            guard let place = values.index(of: text.span) else { continue }
            if place == atomsOfValue.count { atomsOfValue.append([]) }
            atomsOfValue[place].append(atom)
        }
    }

    func answer(_ text: Span<UInt8>, on day: Int32, into bits: inout [UInt64]) {
        if let place = values.index(of: text) {
            for atom in atomsOfValue[place] { bits.set(atom) }
        }
        lists?.answer(text, on: day, into: &bits)
        if parts.isEmpty, patterns.isEmpty { return }
        let pairs = PairSet(text)
        for index in parts.indices where pairs.covers(parts[index].pairs) {
            let part = parts[index].part
            if parts[index].test.holds(text, part.span) { bits.set(parts[index].atom) }
        }
        for index in patterns.indices where pairs.covers(patterns[index].pairs) { bits.set(patterns[index].atom) }
    }
}
