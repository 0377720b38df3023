internal import Bytes
internal import Policy

/// Gives an expression its types: resolves names, checks operators, and refuses a value that may be absent unless a
/// guard to its left has made sure of it.
///
/// Reports every fault and answers a tree anyway. Its recursion is bounded by the parser's.
struct ExpressionChecker {
    let names: Names
    /// The text, for "found …".
    let text: [UInt8]
    var faults: [ExpressionFault] = []
    /// Something is wrong that was reported elsewhere.
    var isFaulty = false

    init(_ text: String, _ names: Names) {
        self.names = names
        self.text = Array(text.utf8)
    }

    /// The condition, true or false; `known` are fields that are there.
    mutating func condition(_ syntax: Syntax, known: Set<Field>) -> Checked {
        let checked = check(syntax, known)
        requireBool(checked, syntax.range)
        return checked
    }

    mutating func report(
        _ code: PolicyCode, _ range: Range<Int>, _ message: String, hint: String? = nil, notes: [String] = []
    ) {
        faults.append(ExpressionFault(code: code, range: range, message: message, hint: hint, notes: notes))
    }

    mutating func warn(_ code: PolicyCode, _ range: Range<Int>, _ message: String, hint: String? = nil) {
        faults.append(ExpressionFault(code: code, range: range, message: message, hint: hint, severity: .warning))
    }

    private func written(_ range: Range<Int>) -> String {
        String(decoding: text[range.clamped(to: 0..<text.count)], as: UTF8.self)
    }

    private mutating func requireBool(_ checked: Checked, _ range: Range<Int>) {
        guard !checked.isFault, checked.type != .bool else { return }
        var hint: String?
        if case .field(let field) = checked.expression.node {
            hint = field.presence == .always ? "compare it with something" : "did you mean 'has(\(field.path))'?"
        }
        report(
            .notACondition, range, "'\(written(range))' is \(checked.type.withArticle), not true or false", hint: hint)
    }

    // MARK: The tree

    mutating func check(_ syntax: Syntax, _ known: Set<Field>) -> Checked {
        switch syntax {
        case .constant(let constant, let range): return self.constant(constant, range)
        case .name(let path, let range): return name(path, range, known)
        case .lookup(_, _, let range):
            report(.listType, range, "an entry of a map stands to the right of 'in'")
            return .fault(range)
        case .has(let path, let field, let range): return has(path, field, range)
        case .not(let child, _):
            let inner = condition(child, known: known)
            return Checked(
                expression: Expression(.not(inner.expression), source: syntax.range), type: .bool,
                whenTrue: inner.whenFalse, whenFalse: inner.whenTrue)
        case .logical(let isAnd, let a, let b): return logical(isAnd, a, b, syntax.range, known)
        case .comparison(let comparison, let a, let b, let symbol):
            return self.comparison(comparison, a, b, symbol, syntax.range, known)
        case .membership(let value, let container, let isNegated, _):
            return membership(value, container, isNegated, syntax.range, known)
        case .set(_, let range):
            report(.typeMismatch, range, "a list of values stands to the right of 'in'")
            return .fault(range)
        case .fault(let range): return .fault(range)
        }
    }

    private mutating func logical(
        _ isAnd: Bool, _ a: Syntax, _ b: Syntax, _ range: Range<Int>, _ known: Set<Field>
    ) -> Checked {
        let left = condition(a, known: known)
        let right = condition(b, known: known.union(isAnd ? left.whenTrue : left.whenFalse))
        if isAnd {
            return Checked(
                expression: Expression(.and(left.expression, right.expression), source: range), type: .bool,
                whenTrue: left.whenTrue.union(right.whenTrue),
                whenFalse: left.whenFalse.intersection(left.whenTrue.union(right.whenFalse)))
        }
        return Checked(
            expression: Expression(.or(left.expression, right.expression), source: range), type: .bool,
            whenTrue: left.whenTrue.intersection(left.whenFalse.union(right.whenTrue)),
            whenFalse: left.whenFalse.union(right.whenFalse))
    }

    // MARK: Leaves

    private mutating func constant(_ constant: Constant, _ range: Range<Int>) -> Checked {
        let literal: Policy.Literal
        switch constant {
        case .bool(let value): literal = .bool(value)
        case .text(let text): literal = .text(text)
        case .integer(let value),
            .duration(let value) where value > Int64.max, .size(let value) where value > Int64.max:
            guard let value = Int64(exactly: value) else {
                report(.badLiteral, range, "'\(written(range))' is too large", hint: "at most \(Int64.max)")
                return .fault(range)
            }
            literal = .int(value)
        case .address(let address): literal = .ip(address)
        case .prefix(let prefix): literal = .cidr(prefix)
        case .duration(let value): literal = .duration(value)
        case .size(let value): literal = .size(value)
        case .tlsVersion(let version): literal = .tlsVersion(version)
        case .rate:
            report(.typeMismatch, range, "no field is a rate", hint: "rates belong into 'limits:'")
            return .fault(range)
        }
        return Checked(
            expression: Expression(.literal(literal), source: range), type: literal.type, literal: literal)
    }

    private mutating func name(_ path: String, _ range: Range<Int>, _ known: Set<Field>) -> Checked {
        switch names.meaning(of: path, at: range) {
        case .field(let field):
            if !field.isCertain(at: names.stage), !known.contains(field) { reportUnguarded(field, range) }
            return Checked(
                expression: Expression(.field(field), source: range), type: field.type,
                whenTrue: field.type == .bool ? Presences.given(field) : [])
        case .remaining(let limit, let key):
            for field in key where !isUsable(field, keyOf: limit, range, known) { return .fault(range) }
            return Checked(expression: Expression(.remaining(limit: limit), source: range), type: .int)
        case .list:
            report(.typeMismatch, range, "'\(path)' is a list", hint: "write 'FIELD in \(path)'")
        case .fault(let fault): faults.append(fault)
        case .broken: isFaulty = true
        }
        return .fault(range)
    }

    /// A bucket can be read only where every part of its key has a value.
    private mutating func isUsable(
        _ field: Field, keyOf limit: String, _ range: Range<Int>, _ known: Set<Field>
    ) -> Bool {
        if !field.stages.contains(names.stage) {
            report(
                .fieldNotAtStage, range, Presences.missing(field, ofLimit: limit, at: names.stage),
                hint: "first known at stage '\(field.stages.first?.name ?? "")'")
            return false
        }
        guard !field.isCertain(at: names.stage), !known.contains(field) else { return true }
        report(
            .unguarded, range, Presences.unguarded(field, keyOf: limit),
            hint: "write '\(Presences.advice(field)) and …' before it")
        return false
    }

    mutating func reportUnguarded(_ field: Field, _ range: Range<Int>) {
        report(
            .unguarded, range, "'\(field.path)' may be absent",
            hint: "write '\(Presences.advice(field)) and …' before it")
    }

    private mutating func has(_ path: String, _ at: Range<Int>, _ range: Range<Int>) -> Checked {
        switch names.meaning(of: path, at: at) {
        case .field(let field):
            return Checked(
                expression: Expression(.has(field), source: range), type: .bool,
                whenTrue: Presences.given(has: field))
        case .fault(let fault): faults.append(fault)
        case .broken: isFaulty = true
        case .list, .remaining: report(.typeMismatch, at, "'has' takes a field, and '\(path)' is none")
        }
        return .fault(range)
    }
}
