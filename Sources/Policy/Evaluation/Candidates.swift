/// The rules of a stage that may hold, in order: those without an indexed test, and those whose test has this value.
struct Candidates {
    private struct Cursor {
        /// Which posting list of the stage's index; -1 for none.
        var postings: Int32 = -1
        var position: Int32 = 0
    }

    private var stage = Stage.connect
    private var others: Int32 = 0
    private var cursors = InlineArray<4, Cursor>(repeating: Cursor())
    private var again: Int32 = -1
    private(set) var isStarted = false

    init() {}

    init(_ index: StageIndex, _ stage: Stage, _ facts: borrowing Facts) {
        self.stage = stage
        isStarted = true
        for number in index.tests.indices where number < 4 {
            let test = index.tests[number]
            let found = facts.withText(test.field) { test.values.index(of: $0) } ?? nil
            cursors[number].postings = Int32(clamping: found ?? -1)
        }
    }

    /// The entry will be looked at again.
    mutating func goBack(to entry: Int) {
        again = Int32(clamping: entry)
    }

    mutating func next(of book: RuleBook) -> Int? {
        if again >= 0 {
            defer { again = -1 }
            return Int(again)
        }
        let index = stage.rawValue
        var least = Int32.max
        var from = -1
        let all = book.indices[Int(index)].others
        if Int(others) < all.count { least = all[Int(others)] }
        for number in book.indices[Int(index)].tests.indices where number < 4 && cursors[number].postings >= 0 {
            let list = book.indices[Int(index)].tests[number].postings[Int(cursors[number].postings)]
            guard Int(cursors[number].position) < list.count else { continue }
            let candidate = list[Int(cursors[number].position)]
            if candidate < least { (least, from) = (candidate, number) }
        }
        if least == .max { return nil }
        if from < 0 { others += 1 } else { cursors[from].position += 1 }
        return Int(least)
    }
}

/// Which rules of a stage need to be looked at, by the values of the texts that they test for equality.
struct StageIndex: Sendable {
    struct Test: Sendable {
        let field: Field
        var values = ByteTable()
        /// Of each value, the rules that want it, in order.
        var postings: [[Int32]] = []
    }

    var tests: [Test] = []
    /// The rules that are always looked at.
    var others: [Int32] = []

    /// Fewer rules than that about one field are not worth an index.
    static let threshold = 4
    /// Fields that are indexed at one stage.
    static let maxFields = 4

    init() {}

    /// `rules` are the stage's, with their places among all entries.
    init(_ rules: [(entry: Int32, when: Expression)], realm: [UInt8]?) {
        let wanted = rules.map { $0.when.wantedValues }
        var counts: [Field: Int] = [:]
        for tests in wanted { for test in tests { counts[test.field, default: 0] += 1 } }
        let fields = Field.allCases.filter { (counts[$0] ?? 0) >= Self.threshold }
            .sorted { (counts[$0] ?? 0) > (counts[$1] ?? 0) }.prefix(Self.maxFields)
        tests = fields.map { Test(field: $0) }
        for (rule, tests) in zip(rules, wanted) {
            if let number = fields.firstIndex(where: { field in tests.contains { $0.field == field } }),
                let test = tests.first(where: { $0.field == fields[number] })
            {
                add(rule.entry, test.values, number, realm)
            } else {
                others.append(rule.entry)
            }
        }
    }

    private mutating func add(_ entry: Int32, _ values: [[UInt8]], _ number: Int, _ realm: [UInt8]?) {
        guard case .text(let form) = tests[number].field.type else { return }
        for value in Set(values.map { form.canonical($0, realm: realm) }) {
            tests[number].values.insert(value, until: .max)
            guard let place = tests[number].values.index(of: value.span) else { continue }
            if place == tests[number].postings.count { tests[number].postings.append([]) }
            tests[number].postings[place].append(entry)
        }
    }
}

extension Expression {
    /// Tests of a text field for equality, one of which must hold for the whole to hold.
    fileprivate var wantedValues: [(field: Field, values: [[UInt8]])] {
        switch node {
        case .and(let a, let b): return a.wantedValues + b.wantedValues
        case .compare(.equal, let a, let b):
            if let test = a.wanted(b) ?? b.wanted(a) { return [test] }
            return []
        case .inItems(let value, let items):
            guard case .field(let field) = value.node, field.type.isText else { return [] }
            let values = items.compactMap { item -> [UInt8]? in if case .text(let text) = item { text } else { nil } }
            return values.count == items.count ? [(field, values)] : []
        case .literal, .field, .remaining, .has, .not, .or, .compare, .textTest, .matches, .inList, .inMap, .inWords:
            return []
        }
    }

    private func wanted(_ other: Expression) -> (field: Field, values: [[UInt8]])? {
        guard case .field(let field) = node, field.type.isText, case .literal(.text(let text)) = other.node else {
            return nil
        }
        return (field, [text])
    }
}
