/// Parses an expression by precedence climbing; tightest first: `not`, comparisons and `in`, `and`, `or`.
///
/// As in CEL, `not a == b` is `not (a == b)` here only with the word: the word `not` binds looser than a comparison and
/// tighter than `and`, the symbol `!` binds to the operand that follows it. Every fault is reported; nesting is bounded.
struct ExpressionParser {
    /// Deeper nesting than this is nobody's rule, and would cost stack.
    static let deepest = 32
    /// Longer expressions belong into a list.
    static let mostTokens = 2000

    private let tokens: [Token]
    private var index = 0
    private var depth = 0
    private(set) var faults: [ExpressionFault]
    private var isTooDeep = false

    private init(_ tokens: [Token], _ faults: [ExpressionFault]) {
        self.tokens = tokens
        self.faults = faults
    }

    /// The tree of `text`, and everything that is wrong with its grammar.
    static func parse(_ text: String) -> (syntax: Syntax, faults: [ExpressionFault]) {
        let tokenizer = Tokenizer(text)
        var parser = ExpressionParser(tokenizer.tokens, tokenizer.faults)
        let all = 0..<text.utf8.count
        guard tokenizer.tokens.count <= mostTokens else {
            let fault = ExpressionFault(
                code: .tooDeep, range: all, message: "the expression has more than \(mostTokens) words",
                hint: "put the values into a list")
            return (.fault(all), [fault])
        }
        let syntax = parser.disjunction()
        if parser.faults.isEmpty, parser.token.kind != .end {
            parser.unexpected("'and', 'or' or the end")
        }
        return (syntax, parser.faults)
    }

    private var token: Token { tokens[min(index, tokens.count - 1)] }

    private mutating func advance() -> Token {
        let taken = token
        index += 1
        return taken
    }

    private mutating func accept(_ kind: Token.Kind) -> Bool {
        guard token.kind == kind else { return false }
        index += 1
        return true
    }

    private mutating func unexpected(_ expected: String) {
        // One fault of grammar is enough: what follows it is a guess.
        guard faults.isEmpty else { return }
        faults.append(
            ExpressionFault(code: .syntax, range: token.range, message: "expected \(expected), found \(token.shown)"))
    }

    /// Runs `body` one level deeper; beyond the bound, a fault instead.
    private mutating func nested(_ body: (inout ExpressionParser) -> Syntax) -> Syntax {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else {
            if !isTooDeep {
                faults.append(
                    ExpressionFault(
                        code: .tooDeep, range: token.range,
                        message: "the expression is nested deeper than \(Self.deepest) levels",
                        hint: "use several rules, or a list"))
            }
            isTooDeep = true
            let range = token.range
            index = tokens.count - 1
            return .fault(range)
        }
        return body(&self)
    }

    // MARK: Operators

    private mutating func disjunction() -> Syntax {
        nested { parser in
            var left = parser.conjunction()
            while parser.accept(.or) {
                let right = parser.conjunction()
                left = .logical(isAnd: false, left, right)
            }
            return left
        }
    }

    private mutating func conjunction() -> Syntax {
        var left = negation()
        while accept(.and) {
            let right = negation()
            left = .logical(isAnd: true, left, right)
        }
        return left
    }

    private mutating func negation() -> Syntax {
        guard token.kind == .not else { return comparison() }
        let symbol = advance()
        // `!` is one octet wide, the word three.
        let child = nested { $0.negationOperand(isSymbol: symbol.range.count == 1) }
        return .not(child, symbol.range)
    }

    private mutating func negationOperand(isSymbol: Bool) -> Syntax {
        if isSymbol, token.kind != .not { return operand() }
        return negation()
    }

    private mutating func comparison() -> Syntax {
        let left = operand()
        let symbol = token
        if let comparison = Self.comparison(symbol.kind) {
            index += 1
            let right = operand()
            if Self.comparison(token.kind) != nil, faults.isEmpty {
                faults.append(
                    ExpressionFault(
                        code: .syntax, range: token.range, message: "comparisons cannot be chained",
                        hint: "write 'a < b and b < c'"))
            }
            return .comparison(comparison, left, right, at: symbol.range)
        }
        if accept(.inside) { return .membership(left, container(), isNegated: false, at: symbol.range) }
        if symbol.kind == .not, index + 1 < tokens.count, tokens[index + 1].kind == .inside {
            index += 2
            let range = symbol.range.lowerBound..<tokens[index - 1].range.upperBound
            return .membership(left, container(), isNegated: true, at: range)
        }
        return left
    }

    private static func comparison(_ kind: Token.Kind) -> Syntax.Comparison? {
        switch kind {
        case .equal: .equal
        case .unequal: .unequal
        case .less: .less
        case .lessOrEqual: .lessOrEqual
        case .greater: .greater
        case .greaterOrEqual: .greaterOrEqual
        case .matches: .matches
        case .startsWith: .startsWith
        case .endsWith: .endsWith
        case .contains: .contains
        case .name, .text, .literal, .and, .or, .not, .inside, .leftParenthesis, .rightParenthesis, .leftBracket,
            .rightBracket, .comma, .end:
            nil
        }
    }

    // MARK: Operands

    private mutating func operand() -> Syntax {
        let first = token
        switch first.kind {
        case .leftParenthesis:
            index += 1
            let inner = disjunction()
            if !accept(.rightParenthesis) { unexpected("')'") }
            return inner
        case .text(let text):
            index += 1
            return .constant(.text(text), first.range)
        case .literal(let word):
            index += 1
            return literal(word, first.range)
        case .name("true"), .name("false"):
            index += 1
            return .constant(.bool(first.kind == .name("true")), first.range)
        case .name("has") where index + 1 < tokens.count && tokens[index + 1].kind == .leftParenthesis:
            return has()
        case .name(let name):
            index += 1
            return lookup(name, first.range)
        case .and, .or, .not, .inside, .equal, .unequal, .less, .lessOrEqual, .greater, .greaterOrEqual, .matches,
            .startsWith, .endsWith, .contains, .rightParenthesis, .leftBracket, .rightBracket, .comma, .end:
            unexpected("a field or a value")
            return .fault(first.range)
        }
    }

    private mutating func literal(_ word: String, _ range: Range<Int>) -> Syntax {
        if let constant = Constant(word: word) { return .constant(constant, range) }
        faults.append(
            ExpressionFault(
                code: .badLiteral, range: range, message: "'\(word)' is not a value", hint: Constant.hint(for: word)))
        return .fault(range)
    }

    private mutating func has() -> Syntax {
        let start = advance().range.lowerBound
        index += 1
        guard case .name(let name) = token.kind else {
            unexpected("a field")
            return .fault(token.range)
        }
        let field = advance().range
        let end = token.range.upperBound
        if !accept(.rightParenthesis) { unexpected("')'") }
        return .has(name, field, at: start..<end)
    }

    /// A field, or an entry of a map: `lists.owners[sender.address]`.
    private mutating func lookup(_ name: String, _ range: Range<Int>) -> Syntax {
        guard token.kind == .leftBracket else { return .name(name, range) }
        index += 1
        let key = operand()
        let end = token.range.upperBound
        if !accept(.rightBracket) { unexpected("']'") }
        return .lookup(list: name, key: key, range.lowerBound..<end)
    }

    /// What stands to the right of `in`.
    private mutating func container() -> Syntax {
        guard token.kind == .leftBracket else { return operand() }
        let start = advance().range.lowerBound
        var items: [Syntax] = []
        while token.kind != .rightBracket, token.kind != .end {
            items.append(operand())
            if !accept(.comma) { break }
        }
        let end = token.range.upperBound
        if !accept(.rightBracket) { unexpected("',' or ']'") }
        return .set(items, start..<end)
    }
}
