import Bytes

extension Program {
    func truth(_ index: Int32, _ facts: borrowing Facts, _ run: inout Run) -> Truth {
        switch nodes[Int(index)] {
        case .constant(let truth): return truth
        case .flag(let field): return Truth(facts.flag(field) ?? false)
        case .has(let field): return Truth(field.isPresent(in: facts))
        case .not(let child): return truth(child, facts, &run).negated
        case .all(let a, let b): return all(a, b, facts, &run)
        case .any(let a, let b): return any(a, b, facts, &run)
        case .numbers(let comparison, let a, let b):
            guard let a = number(a, facts, run), let b = number(b, facts, run) else { return .no }
            return Truth(comparison.holds(a, b))
        case .texts(let equal, let a, let b):
            return Truth(withTexts(a, b, facts) { Self.areEqual($0, $1) == equal } ?? false)
        case .textTest(let test, let a, let b): return Truth(withTexts(a, b, facts) { test.holds($0, $1) } ?? false)
        case .addresses(let equal, let a, let b): return Truth((address(a, facts) == address(b, facts)) == equal)
        case .prefixes(let equal, let a, let b): return Truth((prefix(a, facts) == prefix(b, facts)) == equal)
        case .matches(let text, let pattern):
            return withText(text, facts) { patterns[Int(pattern)].find(in: $0, run.scratch) } ?? .no
        case .inList(let value, let list, let probe): return inList(value, list, probe, facts, &run)
        case .inMap(let value, let list, let key): return inMap(value, lists[Int(list)], key, facts)
        case .inNumbers(let value, let list):
            guard let value = number(value, facts, run) else { return .no }
            return Truth(numberLists[Int(list)].contains(value))
        case .inTexts(let value, let list):
            return Truth(withText(value, facts) { isOne($0, of: textLists[Int(list)]) } ?? false)
        case .inWords(let word):
            return Truth(
                withText(word, facts) { Self.isWord($0, of: facts.session.tags) || Self.isWord($0, of: run.tags) }
                    ?? false)
        }
    }

    /// A part that is false makes the whole false, even beside one that failed.
    private func all(_ a: Int32, _ b: Int32, _ facts: borrowing Facts, _ run: inout Run) -> Truth {
        let first = truth(a, facts, &run)
        if first == .no { return .no }
        let second = truth(b, facts, &run)
        return first == .failed && second == .yes ? .failed : second
    }

    private func any(_ a: Int32, _ b: Int32, _ facts: borrowing Facts, _ run: inout Run) -> Truth {
        let first = truth(a, facts, &run)
        if first == .yes { return .yes }
        let second = truth(b, facts, &run)
        return first == .failed && second == .no ? .failed : second
    }

    // MARK: Lists

    private func inList(
        _ value: Operand, _ list: Int32, _ probe: Int32, _ facts: borrowing Facts, _ run: inout Run
    ) -> Truth {
        let bit: UInt64 = probe < 64 ? 1 << UInt64(probe) : 0
        if run.asked & bit != 0 { return Truth(run.held & bit != 0) }
        let holds = isMember(value, of: lists[Int(list)], facts)
        run.asked |= bit
        if holds { run.held |= bit }
        return Truth(holds)
    }

    private func isMember(_ value: Operand, of list: List, _ facts: borrowing Facts) -> Bool {
        let day = facts.now.day
        if list.kind == .cidr {
            if let address = address(value, facts) { return list.contains(address, on: day) }
            if let net = prefix(value, facts) { return list.contains(net, on: day) }
            return false
        }
        let form = form(of: value)
        return withText(value, facts) { text in
            if list.contains(text, isPlain: form == .plain, on: day) { return true }
            return form == .login && isOfRealm(text)
                && list.contains(text.extracting(0..<(text.count - realm.count)), on: day)
        } ?? false
    }

    private func inMap(_ value: Operand, _ list: List, _ key: Operand, _ facts: borrowing Facts) -> Truth {
        let day = facts.now.day
        let (form, keyForm) = (form(of: value), form(of: key))
        let holds = withTexts(value, key, facts) { value, key in
            if list.contains(value, of: key, on: day) { return true }
            let short = form == .login && isOfRealm(value) ? value.extracting(0..<(value.count - realm.count)) : value
            let shortKey = keyForm == .login && isOfRealm(key) ? key.extracting(0..<(key.count - realm.count)) : key
            return list.contains(short, of: key, on: day) || list.contains(value, of: shortKey, on: day)
                || list.contains(short, of: shortKey, on: day)
        }
        return Truth(holds ?? false)
    }

    /// A login that ends in the realm is in a list under its bare name too.
    private func isOfRealm(_ login: Span<UInt8>) -> Bool {
        guard !realm.isEmpty, login.count > realm.count else { return false }
        let realm = realm
        return Self.areEqual(login.extracting((login.count - realm.count)..<login.count), realm.span)
    }

    private func form(of operand: Operand) -> NameForm {
        guard case .field(let field) = operand, case .text(let form) = field.type else { return .plain }
        return form
    }

    // MARK: Operands

    private func number(_ operand: Operand, _ facts: borrowing Facts, _ run: borrowing Run) -> Int64? {
        switch operand {
        case .field(let field): facts.number(field)
        case .number(let value): value
        case .remaining(let index): Int(index) < run.remaining.count ? run.remaining[Int(index)] : 0
        case .text, .address, .prefix: nil
        }
    }

    private func address(_ operand: Operand, _ facts: borrowing Facts) -> IPAddress? {
        switch operand {
        case .field(.clientIP): facts.client.endpoint.address
        case .address(let index): addresses[Int(index)]
        case .field, .number, .text, .prefix, .remaining: nil
        }
    }

    private func prefix(_ operand: Operand, _ facts: borrowing Facts) -> AddressPrefix? {
        switch operand {
        case .field(.clientNet): facts.client.net
        case .prefix(let index): prefixes[Int(index)]
        case .field, .number, .text, .address, .remaining: nil
        }
    }

    @inline(__always)
    private func withText<Result>(
        _ operand: Operand, _ facts: borrowing Facts, _ body: (Span<UInt8>) -> Result
    ) -> Result? {
        switch operand {
        case .field(let field):
            return facts.withText(field, body)
        case .text(let index):
            let text = texts[Int(index)]
            return body(text.span)
        case .number, .address, .prefix, .remaining:
            return nil
        }
    }

    @inline(__always)
    private func withTexts<Result>(
        _ a: Operand, _ b: Operand, _ facts: borrowing Facts, _ body: (Span<UInt8>, Span<UInt8>) -> Result
    ) -> Result? {
        withText(a, facts) { a in withText(b, facts) { b in body(a, b) } } ?? nil
    }

    static func areEqual(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        for index in a.indices where a[index] != b[index] { return false }
        return true
    }

    private func isOne(_ text: Span<UInt8>, of texts: [[UInt8]]) -> Bool {
        texts.contains { Self.areEqual(text, $0.span) }
    }

    private static func isWord(_ word: Span<UInt8>, of words: [String]) -> Bool {
        words.contains { known in
            let octets = known.utf8
            return areEqual(word, octets.span)
        }
    }
}

extension Comparison {
    @inline(__always)
    func holds(_ a: Int64, _ b: Int64) -> Bool {
        switch self {
        case .equal: a == b
        case .unequal: a != b
        case .less: a < b
        case .lessOrEqual: a <= b
        case .greater: a > b
        case .greaterOrEqual: a >= b
        }
    }
}

extension TextTest {
    func holds(_ text: Span<UInt8>, _ part: Span<UInt8>) -> Bool {
        guard part.count <= text.count else { return false }
        switch self {
        case .startsWith: return Program.areEqual(text.extracting(0..<part.count), part)
        case .endsWith: return Program.areEqual(text.extracting((text.count - part.count)..<text.count), part)
        case .contains:
            // Both sides are bounded by a line's length or by a policy's own text.
            for start in 0...(text.count - part.count)
            where Program.areEqual(text.extracting(start..<(start + part.count)), part) {
                return true
            }
            return false
        }
    }
}
