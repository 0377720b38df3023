import Bytes

/// Why an expression or a rule does not compile; the language finds such faults first and says them better.
public struct CompileFault: Error, Hashable, Sendable {
    public let reason: String
    /// Of the expression, octets from the beginning of its text.
    public let source: Range<Int>

    init(_ reason: String, _ source: Range<Int> = 0..<0) {
        self.reason = reason
        self.source = source
    }
}

/// Turns expressions into the nodes of one program.
struct ProgramBuilder {
    typealias Node = Program.Node
    typealias Operand = Program.Operand

    private(set) var nodes: [Node] = []
    private(set) var texts: [[UInt8]] = []
    private(set) var addresses: [IPAddress] = []
    private(set) var prefixes: [AddressPrefix] = []
    private(set) var numberLists: [[Int64]] = []
    private(set) var textLists: [[[UInt8]]] = []
    private(set) var patterns: [Pattern] = []
    private(set) var lists: [List] = []
    let realm: [UInt8]

    private var patternIndices: [String: Int32] = [:]
    private var listIndices: [ObjectIdentifier: Int32] = [:]
    private var probes: [Probe: Int32] = [:]
    /// What names mean in the policy that is being compiled.
    var names = Names()

    struct Names {
        var lists: [String: List] = [:]
        /// Places in the book's table of limits.
        var limits: [String: Int32] = [:]
    }

    private struct Probe: Hashable {
        let field: Field
        let list: Int32
    }

    init(realm: [UInt8]?) {
        self.realm = realm.map { $0.isEmpty ? [] : [ASCII.at] + $0 } ?? []
    }

    mutating func add(_ node: Node) -> Int32 {
        nodes.append(node)
        return Int32(clamping: nodes.count - 1)
    }

    /// Adds a truth value; the result is its root.
    mutating func condition(_ expression: Expression, depth: Int = 0) throws(CompileFault) -> Int32 {
        guard depth < Expression.maxDepth else { throw CompileFault("nested too deeply", expression.source) }
        switch expression.node {
        case .literal(.bool(let value)): return add(.constant(Truth(value)))
        case .field(let field) where field.type == .bool: return add(.flag(field))
        case .has(let field): return add(.has(field))
        case .not(let child): return add(.not(try condition(child, depth: depth + 1)))
        case .and(let a, let b):
            let first = try condition(a, depth: depth + 1)
            return add(.all(first, try condition(b, depth: depth + 1)))
        case .or(let a, let b):
            let first = try condition(a, depth: depth + 1)
            return add(.any(first, try condition(b, depth: depth + 1)))
        case .compare(let comparison, let a, let b):
            return try compare(comparison, a, b, expression, depth: depth + 1)
        case .textTest(let test, let a, let b):
            let form = form(a)
            return add(.textTest(test, try text(a, form), try text(b, form == .plain ? .plain : .lowercased)))
        case .matches(let value, let pattern):
            return add(.matches(try text(value, .plain), pattern: try self.pattern(pattern, expression)))
        case .inList(let value, let list): return try inList(value, list, expression)
        case .inMap(let value, let list, let key):
            let list = try self.list(list, expression)
            return add(.inMap(try text(value, .address), list: list, key: try text(key, .address)))
        case .inItems(let value, let items): return try inItems(value, items, expression)
        case .inWords(let word, _): return add(.inWords(try text(word, .plain)))
        case .literal, .field, .remaining:
            throw CompileFault("not a truth value", expression.source)
        }
    }

    // MARK: Comparisons

    private mutating func compare(
        _ comparison: Comparison, _ a: Expression, _ b: Expression, _ whole: Expression, depth: Int
    ) throws(CompileFault) -> Int32 {
        guard let type = self.type(of: a), let other = self.type(of: b), type.isText == other.isText,
            type.isText || type == other
        else { throw CompileFault("the two sides are of different types", whole.source) }
        guard type.isOrdered || !comparison.isOrdering else {
            throw CompileFault("\(type.name) has no order", whole.source)
        }
        let equal = comparison == .equal
        switch type {
        case .bool:
            return try compareFlags(equal: equal, a, b, depth: depth)
        case .int, .duration, .size, .tlsVersion:
            return add(.numbers(comparison, try number(a), try number(b)))
        case .text:
            let form = form(a) == .plain ? form(b) : form(a)
            return add(.texts(equal: equal, try text(a, form), try text(b, form)))
        case .ip: return add(.addresses(equal: equal, try operand(a), try operand(b)))
        case .cidr: return add(.prefixes(equal: equal, try operand(a), try operand(b)))
        case .rate, .words: throw CompileFault("\(type.name) can't be compared", whole.source)
        }
    }

    /// nil for what is neither value nor truth value.
    private func type(of expression: Expression) -> FieldType? {
        switch expression.node {
        case .literal(let literal): literal.type
        case .field(let field): field.type
        case .remaining: .int
        case .has, .not, .and, .or, .compare, .textTest, .matches, .inList, .inMap, .inItems, .inWords: .bool
        }
    }

    /// a == b is (a and b) or (not a and not b).
    private mutating func compareFlags(
        equal: Bool, _ a: Expression, _ b: Expression, depth: Int
    ) throws(CompileFault) -> Int32 {
        let (a, b) = (try condition(a, depth: depth), try condition(b, depth: depth))
        let both = add(.all(a, b))
        let (noA, noB) = (add(.not(a)), add(.not(b)))
        let neither = add(.all(noA, noB))
        let same = add(.any(both, neither))
        return equal ? same : add(.not(same))
    }

    // MARK: Lists

    private mutating func inList(
        _ value: Expression, _ name: String, _ whole: Expression
    ) throws(CompileFault) -> Int32 {
        let list = try list(name, whole)
        let operand = try type(of: value)?.isText == true ? text(value, .address) : self.operand(value)
        return add(.inList(operand, list: list, probe: probe(operand, list)))
    }

    /// The same question has the same number; constants get one that is never remembered.
    private mutating func probe(_ operand: Operand, _ list: Int32) -> Int32 {
        guard case .field(let field) = operand else { return .max }
        let probe = Probe(field: field, list: list)
        if let known = probes[probe] { return known }
        let number = Int32(clamping: probes.count)
        probes[probe] = number
        return number
    }

    private mutating func list(_ name: String, _ whole: Expression) throws(CompileFault) -> Int32 {
        guard let list = names.lists[name] else { throw CompileFault("no list '\(name)'", whole.source) }
        return index(of: list)
    }

    private mutating func index(of list: List) -> Int32 {
        if let known = listIndices[ObjectIdentifier(list)] { return known }
        lists.append(list)
        let index = Int32(clamping: lists.count - 1)
        listIndices[ObjectIdentifier(list)] = index
        return index
    }

    private mutating func inItems(
        _ value: Expression, _ items: [Literal], _ whole: Expression
    ) throws(CompileFault) -> Int32 {
        guard let type = self.type(of: value) else { throw CompileFault("not a value", value.source) }
        switch type {
        case .text:
            let form = form(value)
            textLists.append(try items.map { item throws(CompileFault) in try octets(item, form, whole) })
            return add(.inTexts(try text(value, form), list: Int32(clamping: textLists.count - 1)))
        case .ip, .cidr:
            var builder = ListBuilder(.cidr)
            for item in items { builder.insert(try prefix(item, whole)) }
            let list = builder.build()
            let operand = try operand(value)
            return add(.inList(operand, list: index(of: list), probe: .max))
        case .int, .duration, .size, .tlsVersion:
            numberLists.append(items.compactMap(\.number))
            return add(.inNumbers(try number(value), list: Int32(clamping: numberLists.count - 1)))
        case .bool, .rate, .words:
            throw CompileFault("\(type.name) can't be in a list", whole.source)
        }
    }

    private func prefix(_ item: Literal, _ whole: Expression) throws(CompileFault) -> AddressPrefix {
        switch item {
        case .ip(let address): return AddressPrefix(address, bits: address.isV4 ? 32 : 128)
        case .cidr(let prefix): return prefix
        case .bool, .int, .text, .duration, .size, .tlsVersion:
            throw CompileFault("not an address or a net", whole.source)
        }
    }

    private mutating func pattern(_ text: String, _ whole: Expression) throws(CompileFault) -> Int32 {
        if let known = patternIndices[text] { return known }
        do throws(Pattern.Fault) {
            patterns.append(try Pattern(text))
        } catch {
            throw CompileFault("bad pattern: \(error.reason)", whole.source)
        }
        patternIndices[text] = Int32(clamping: patterns.count - 1)
        return Int32(clamping: patterns.count - 1)
    }

    // MARK: Operands

    private func form(_ expression: Expression) -> NameForm {
        guard case .field(let field) = expression.node, case .text(let form) = field.type else { return .plain }
        return form
    }

    /// A text; a literal takes the canonical form of what it is compared with.
    private mutating func text(_ expression: Expression, _ form: NameForm) throws(CompileFault) -> Operand {
        switch expression.node {
        case .field(let field) where field.type.isText: return .field(field)
        case .literal(let literal):
            texts.append(try octets(literal, form, expression))
            return .text(Int32(clamping: texts.count - 1))
        case .field, .remaining, .has, .not, .and, .or, .compare, .textTest, .matches, .inList, .inMap, .inItems,
            .inWords:
            throw CompileFault("not a string", expression.source)
        }
    }

    private func octets(
        _ literal: Literal, _ form: NameForm, _ whole: Expression
    ) throws(CompileFault) -> [UInt8] {
        guard case .text(let text) = literal else { throw CompileFault("not a string", whole.source) }
        return form.canonical(text, realm: realm.isEmpty ? nil : Array(realm.dropFirst()))
    }

    private mutating func number(_ expression: Expression) throws(CompileFault) -> Operand {
        switch expression.node {
        case .field(let field) where field.type.isOrdered: return .field(field)
        case .remaining(let limit):
            guard let index = names.limits[limit] else { throw CompileFault("no limit '\(limit)'", expression.source) }
            return .remaining(index)
        case .literal(let literal):
            guard let value = literal.number else { throw CompileFault("not a number", expression.source) }
            return .number(value)
        case .field, .has, .not, .and, .or, .compare, .textTest, .matches, .inList, .inMap, .inItems, .inWords:
            throw CompileFault("not a number", expression.source)
        }
    }

    /// An address or a net.
    private mutating func operand(_ expression: Expression) throws(CompileFault) -> Operand {
        switch expression.node {
        case .field(let field): return .field(field)
        case .literal(.ip(let address)):
            addresses.append(address)
            return .address(Int32(clamping: addresses.count - 1))
        case .literal(.cidr(let prefix)):
            prefixes.append(prefix)
            return .prefix(Int32(clamping: prefixes.count - 1))
        case .literal, .remaining, .has, .not, .and, .or, .compare, .textTest, .matches, .inList, .inMap, .inItems,
            .inWords:
            throw CompileFault("not an address", expression.source)
        }
    }
}
