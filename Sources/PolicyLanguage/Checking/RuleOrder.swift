internal import Diagnostics
internal import Policy

/// Watches the order of a policy's rules: what stands behind a rule that decides always is never asked, and what
/// contradicts itself never matches.
struct RuleOrder {
    enum Remark {
        /// An earlier rule of this id, in this line, decides always.
        case unreachable(String, line: Int)
        case never(String)
    }

    private var deciders: [Stage: (id: String, line: Int)] = [:]

    mutating func check(_ rule: RuleDraft, _ when: Expression, _ unless: Expression?) -> Remark? {
        let isAlways = ConstantValue.of(when) == true && (unless.map { ConstantValue.of($0) == false } ?? true)
        defer {
            if isAlways, rule.over.isEmpty, rule.mode == .enforce, rule.endsStage, deciders[rule.stage] == nil {
                deciders[rule.stage] = (rule.id, rule.range.line)
            }
        }
        if let decider = deciders[rule.stage], rule.mode != .disabled {
            return .unreachable(decider.id, line: decider.line)
        }
        if ConstantValue.of(when) == false { return .never("'when' is never true") }
        if let unless, ConstantValue.of(unless) == true { return .never("'unless' is always true") }
        if let unless, unless.hasSameMeaning(as: when) { return .never("'unless' is the same as 'when'") }
        return nil
    }
}

extension RuleDraft {
    /// Whether nothing of this policy is asked after it.
    fileprivate var endsStage: Bool {
        switch action {
        case .accept, .skip, .reject, .defer, .drop: true
        case .tag, .delay, .tarpit, .ban: false
        }
    }
}

/// What an expression is whatever the facts are.
enum ConstantValue {
    /// nil if it depends on them.
    static func of(_ expression: Expression) -> Bool? {
        switch expression.node {
        case .literal(.bool(let value)): return value
        case .not(let child): return of(child).map { !$0 }
        case .and(let a, let b):
            let (left, right) = (of(a), of(b))
            if left == false || right == false || isContradiction(conjuncts(expression)) { return false }
            return left == true && right == true ? true : nil
        case .or(let a, let b):
            let (left, right) = (of(a), of(b))
            if left == true || right == true { return true }
            return left == false && right == false ? false : nil
        case .inItems(_, let items): return items.isEmpty ? false : nil
        case .compare(let operation, let a, let b): return compared(operation, a, b)
        case .literal, .field, .remaining, .has, .textTest, .matches, .inList, .inMap, .inWords: return nil
        }
    }

    private static func compared(_ operation: Comparison, _ a: Expression, _ b: Expression) -> Bool? {
        guard case .literal(let left) = a.node, case .literal(let right) = b.node else { return nil }
        switch operation {
        case .equal: return left == right
        case .unequal: return left != right
        case .less, .lessOrEqual, .greater, .greaterOrEqual: return nil
        }
    }

    private static func conjuncts(_ expression: Expression) -> [Expression] {
        guard case .and(let a, let b) = expression.node else { return [expression] }
        return conjuncts(a) + conjuncts(b)
    }

    /// `a and not a`, or one field equal to two values.
    private static func isContradiction(_ parts: [Expression]) -> Bool {
        var values: [Field: Policy.Literal] = [:]
        for (index, part) in parts.enumerated() {
            if case .not(let inner) = part.node,
                parts.contains(where: { $0.hasSameMeaning(as: inner) })
            {
                return true
            }
            guard case .compare(.equal, let a, let b) = part.node, case .field(let field) = a.node,
                case .literal(let value) = b.node
            else { continue }
            if let other = values[field], other != value { return true }
            values[field] = value
            if index > 200 { return false }
        }
        return false
    }
}

extension Expression {
    /// Whether both are the same but for where they stand.
    func hasSameMeaning(as other: Expression) -> Bool {
        stripped == other.stripped
    }

    private var stripped: Expression {
        switch node {
        case .literal, .field, .remaining, .has: Expression(node)
        case .not(let a): Expression(.not(a.stripped))
        case .and(let a, let b): Expression(.and(a.stripped, b.stripped))
        case .or(let a, let b): Expression(.or(a.stripped, b.stripped))
        case .compare(let operation, let a, let b): Expression(.compare(operation, a.stripped, b.stripped))
        case .textTest(let test, let a, let b): Expression(.textTest(test, a.stripped, b.stripped))
        case .matches(let a, let pattern): Expression(.matches(a.stripped, pattern: pattern))
        case .inList(let a, let list): Expression(.inList(a.stripped, list: list))
        case .inMap(let a, let list, let key): Expression(.inMap(a.stripped, list: list, key: key.stripped))
        case .inItems(let a, let items): Expression(.inItems(a.stripped, items))
        case .inWords(let a, let field): Expression(.inWords(a.stripped, field))
        }
    }
}
