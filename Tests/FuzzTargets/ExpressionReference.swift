import Bytes
import Policy

/// The value of an expression by walking its tree; every value is looked up again where it is used.
struct ExpressionReference {
    enum Truth { case no, yes, failed }

    let facts: Facts
    let lists: [String: List]
    let realm: [UInt8]
    /// Given by rules of this stage.
    var tags: [String] = []

    init(facts: Facts, lists: [String: List], realm: [UInt8]) {
        self.facts = facts
        self.lists = lists
        self.realm = realm
    }

    /// nil where the rule does not hold.
    func truth(of rule: Rule) -> Truth? {
        let when = truth(rule.when)
        if when == .no { return nil }
        switch rule.unless.map(truth) {
        case .none, .some(.no): return when
        case .some(.yes): return nil
        case .some(.failed): return .failed
        }
    }

    func truth(_ expression: Expression) -> Truth {
        switch expression.node {
        case .literal(.bool(let value)): return value ? .yes : .no
        case .field(let field): return truth(text(field) == Array("true".utf8))
        case .has(let field): return truth(text(field) != nil)
        case .not(let inner): return negated(truth(inner))
        case .and(let a, let b): return negated(either(negated(truth(a)), negated(truth(b))))
        case .or(let a, let b): return either(truth(a), truth(b))
        case .compare(let comparison, let a, let b): return compared(comparison, a, b)
        case .textTest(let test, let a, let b): return textTest(test, a, b)
        case .matches(let value, let pattern):
            guard let text = text(value) else { return .no }
            guard let isFound = (try? Pattern(pattern)).flatMap({ $0.isFound(in: text) }) else { return .failed }
            return truth(isFound)
        case .inList(let value, let list): return truth(isMember(value, of: list))
        case .inMap(let value, let list, let key): return truth(isPair(value, of: list, key))
        case .inItems(let value, let items): return truth(items.contains { isItem(value, $0) })
        case .inWords(let word, _):
            guard let word = text(word) else { return .no }
            return truth((facts.session.tags + tags).contains { Array($0.utf8) == word })
        case .literal, .remaining: return .failed
        }
    }

    private func truth(_ value: Bool) -> Truth { value ? .yes : .no }

    private func negated(_ truth: Truth) -> Truth {
        switch truth {
        case .no: .yes
        case .yes: .no
        case .failed: .failed
        }
    }

    private func either(_ a: Truth, _ b: Truth) -> Truth {
        if a == .yes || b == .yes { return .yes }
        return a == .failed || b == .failed ? .failed : .no
    }

    // MARK: Values

    private func text(_ field: Field) -> [UInt8]? { field.text(in: facts) }

    private func text(_ expression: Expression) -> [UInt8]? {
        switch expression.node {
        case .literal(.text(let text)): text
        case .field(let field): text(field)
        case _: nil
        }
    }

    private func form(_ expression: Expression) -> NameForm {
        guard case .field(let field) = expression.node, case .text(let form) = field.type else { return .plain }
        return form
    }

    /// The text of one side in the form of the other.
    private func text(_ expression: Expression, like form: NameForm) -> [UInt8]? {
        guard case .literal(.text(let text)) = expression.node else { return text(expression) }
        return form.canonical(text, realm: realm)
    }

    private func number(_ expression: Expression) -> Int64? {
        switch expression.node {
        case .literal(.int(let value)): return value
        case .literal(.duration(let value)), .literal(.size(let value)): return Int64(clamping: value)
        case .literal(.tlsVersion(let version)): return Int64(version.rawValue)
        case .remaining: return .max
        case .field(.tlsVersion): return facts.tls.map { Int64($0.version.rawValue) }
        case .field(.sessionAge): return Int64(clamping: facts.session.age)
        case .field(let field): return text(field).flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
        case _: return nil
        }
    }

    // MARK: Tests

    private func compared(_ comparison: Comparison, _ a: Expression, _ b: Expression) -> Truth {
        if let left = number(a), let right = number(b) { return truth(comparison.orders(left, right)) }
        let isEqual: Bool
        if isTruthValue(a) {
            let (left, right) = (truth(a), truth(b))
            if left == .failed || right == .failed { return .failed }
            isEqual = left == right
        } else if isAddress(a) || isAddress(b) {
            isEqual = written(a) == written(b)
        } else {
            let form = form(a) == .plain ? form(b) : form(a)
            guard let left = text(a, like: form), let right = text(b, like: form) else { return .no }
            isEqual = left == right
        }
        return truth(comparison == .equal ? isEqual : !isEqual)
    }

    private func isTruthValue(_ expression: Expression) -> Bool {
        switch expression.node {
        case .literal(.bool): true
        case .field(let field): field.type == .bool
        case .literal, .remaining: false
        case _: true
        }
    }

    private func isAddress(_ expression: Expression) -> Bool {
        switch expression.node {
        case .literal(.ip), .literal(.cidr), .field(.clientIP), .field(.clientNet): true
        case _: false
        }
    }

    private func written(_ expression: Expression) -> String {
        switch expression.node {
        case .literal(.ip(let address)): address.description
        case .literal(.cidr(let prefix)): prefix.description
        case .field(.clientIP): facts.client.endpoint.address.description
        case .field(.clientNet): facts.client.net.description
        case _: ""
        }
    }

    private func textTest(_ test: TextTest, _ a: Expression, _ b: Expression) -> Truth {
        let other: NameForm = form(a) == .plain ? .plain : .lowercased
        guard let text = text(a, like: form(a)), let part = self.text(b, like: other) else { return .no }
        switch test {
        case .startsWith: return truth(text.starts(with: part))
        case .endsWith: return truth(text.reversed().starts(with: part.reversed()))
        case .contains:
            return truth(text.indices.contains { text[$0...].starts(with: part) } || part.isEmpty)
        }
    }

    // MARK: Membership

    private func isMember(_ value: Expression, of name: String) -> Bool {
        guard let list = lists[name] else { return false }
        if list.kind == .cidr {
            if case .literal(.ip(let address)) = value.node { return list.contains(address, on: facts.now.day) }
            if case .literal(.cidr(let net)) = value.node { return list.contains(net, on: facts.now.day) }
            if value.node == .field(.clientIP) {
                return list.contains(facts.client.endpoint.address, on: facts.now.day)
            }
            return list.contains(facts.client.net, on: facts.now.day)
        }
        let isPlain = form(value) == .plain
        guard let text = text(value, like: .address) else { return false }
        return bare(text, form(value)).contains { list.contains($0.span, isPlain: isPlain, on: facts.now.day) }
    }

    private func isPair(_ value: Expression, of name: String, _ key: Expression) -> Bool {
        guard let list = lists[name], let text = text(value, like: .address),
            let keyText = self.text(key, like: .address)
        else { return false }
        return bare(text, form(value)).contains { value in
            bare(keyText, form(key)).contains { list.contains(value.span, of: $0.span, on: facts.now.day) }
        }
    }

    /// A login of the realm is in lists under its bare name too.
    private func bare(_ text: [UInt8], _ form: NameForm) -> [[UInt8]] {
        let tail = [ASCII.at] + realm
        guard form == .login, text.count > tail.count, text.suffix(tail.count).elementsEqual(tail) else {
            return [text]
        }
        return [text, Array(text.dropLast(tail.count))]
    }

    private func isItem(_ value: Expression, _ item: Literal) -> Bool {
        switch item {
        case .text(let text): return self.text(value) == form(value).canonical(text, realm: realm)
        case .ip(let address): return value.node == .field(.clientIP) && facts.client.endpoint.address == address
        case .cidr(let net):
            var builder = ListBuilder(.cidr)
            builder.insert(net)
            return isMember(value, of: builder.build())
        case .int, .duration, .size, .tlsVersion, .bool:
            return number(value).map { Comparison.equal.orders($0, number(Expression(.literal(item))) ?? $0 &+ 1) }
                ?? false
        }
    }

    private func isMember(_ value: Expression, of list: List) -> Bool {
        var walk = ExpressionReference(facts: facts, lists: ["items": list], realm: realm)
        walk.tags = tags
        return walk.isMember(value, of: "items")
    }
}

extension Comparison {
    fileprivate func orders(_ a: Int64, _ b: Int64) -> Bool {
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
