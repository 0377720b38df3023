internal import Bytes
internal import Policy

// Comparisons: only like is compared with like.
extension ExpressionChecker {
    mutating func comparison(
        _ comparison: Syntax.Comparison, _ a: Syntax, _ b: Syntax, _ symbol: Range<Int>, _ range: Range<Int>,
        _ known: Set<Field>
    ) -> Checked {
        var left = check(a, known)
        var right = check(b, known)
        guard !left.isFault, !right.isFault else { return .fault(range) }
        if left.literal != nil, right.literal == nil, let swapped = comparison.swapped {
            return ordinary(swapped, right, canonical(left, like: right), symbol, range)
        }
        switch comparison {
        case .equal, .unequal, .less, .lessOrEqual, .greater, .greaterOrEqual:
            left = canonical(left, like: right)
            right = canonical(right, like: left)
            return ordinary(comparison, left, right, symbol, range)
        case .matches, .startsWith, .endsWith, .contains: return textTest(comparison, left, right, symbol, range)
        }
    }

    /// A text constant in the form of the field that it is compared with.
    private func canonical(_ checked: Checked, like other: Checked) -> Checked {
        guard checked.literal != nil, case .literal(.text(let text)) = checked.expression.node,
            case .text(let form) = other.type
        else { return checked }
        var result = checked
        let literal = Policy.Literal.text(form.canonical(text))
        result.expression.node = .literal(literal)
        result.literal = literal
        return result
    }

    private mutating func ordinary(
        _ comparison: Syntax.Comparison, _ left: Checked, _ right: Checked, _ symbol: Range<Int>, _ range: Range<Int>
    ) -> Checked {
        guard areComparable(left.type, right.type) else {
            reportMismatch(comparison.rawValue, left, right, symbol)
            return .fault(range)
        }
        let operation = Comparison(rawValue: comparison.rawValue) ?? .equal
        if operation.isOrdering, !left.type.isOrdered {
            report(.typeMismatch, symbol, "'\(comparison.rawValue)' has no meaning for \(left.type.withArticle)")
            return .fault(range)
        }
        checkPossible(operation, left, right, range)
        let node = Expression.Node.compare(operation, left.expression, right.expression)
        var result = Checked(expression: Expression(node, source: range), type: .bool)
        // `tls.active == true` is the guard itself.
        if case .literal(.bool(let value)) = right.expression.node {
            let isSame = value == (operation == .equal)
            result.whenTrue = isSame ? left.whenTrue : left.whenFalse
            result.whenFalse = isSame ? left.whenFalse : left.whenTrue
        }
        return result
    }

    private func areComparable(_ a: FieldType, _ b: FieldType) -> Bool {
        if a.isText && b.isText { return true }
        return a == b && a != .words
    }

    private mutating func reportMismatch(_ symbol: String, _ left: Checked, _ right: Checked, _ range: Range<Int>) {
        report(
            .typeMismatch, range, "'\(symbol)' between \(left.type.withArticle) and \(right.type.withArticle)",
            hint: Self.advice(left.type, right))
    }

    private static func advice(_ type: FieldType, _ other: Checked) -> String? {
        switch (type, other.literal) {
        case (.ip, .some(.cidr(let prefix))), (.cidr, .some(.cidr(let prefix))): "write 'in [\(prefix)]'"
        case (.ip, .some(.text)), (.cidr, .some(.text)), (.tlsVersion, .some(.text)), (.bool, .some(.text)):
            "write the value without quotes"
        case (.size, .some(.int(let value))): "write a size, such as \(value)B or 25MB"
        case (.duration, .some(.int(let value))): "write a duration, such as \(value)s"
        case (.int, .some(.size)), (.int, .some(.duration)): "write a number without a unit"
        case (.int, .some(.text(let text))) where text.allSatisfy(ASCII.isDigit): "write the number without quotes"
        case (.words, _): "write '\"NAME\" in session.tags'"
        case _: nil
        }
    }

    // MARK: Texts

    private mutating func textTest(
        _ comparison: Syntax.Comparison, _ left: Checked, _ right: Checked, _ symbol: Range<Int>, _ range: Range<Int>
    ) -> Checked {
        guard left.type.isText, right.type.isText else {
            reportMismatch(comparison.rawValue, left, right, symbol)
            return .fault(range)
        }
        let node: Expression.Node
        switch TextTest(rawValue: comparison.rawValue) {
        case .some(let test): node = .textTest(test, left.expression, right.expression)
        case .none:
            guard case .literal(.text(let pattern)) = right.expression.node else {
                report(.badPattern, right.expression.source, "a pattern is a text in quotes")
                return .fault(range)
            }
            let source = String(decoding: pattern, as: UTF8.self)
            checkPattern(source, right.expression.source)
            node = .matches(left.expression, pattern: source)
        }
        return Checked(expression: Expression(node, source: range), type: .bool)
    }

    private mutating func checkPattern(_ pattern: String, _ range: Range<Int>) {
        do throws(Pattern.Fault) {
            _ = try Pattern(pattern)
        } catch {
            report(.badPattern, range, "not a regular expression: \(error.reason)")
        }
    }

    // MARK: What can never be

    /// A comparison with a value that the field never has is legal and useless.
    private mutating func checkPossible(
        _ operation: Comparison, _ left: Checked, _ right: Checked, _ range: Range<Int>
    ) {
        guard case .field(let field) = left.expression.node, let literal = right.literal else { return }
        if case .text(let text) = literal, operation == .equal, let values = field.values,
            !values.contains(String(decoding: text, as: UTF8.self))
        {
            warn(
                .neverMatches, right.expression.source,
                "'\(field.path)' is never \"\(String(decoding: text, as: UTF8.self))\"",
                hint: "it is one of: \(values.joined(separator: " "))")
        }
        guard case .int(let number) = literal, let bounds = field.bounds else { return }
        let isPossible =
            switch operation {
            case .equal: bounds.contains(number)
            case .unequal: true
            case .less: number > bounds.lowerBound
            case .lessOrEqual: number >= bounds.lowerBound
            case .greater: number < bounds.upperBound
            case .greaterOrEqual: number <= bounds.upperBound
            }
        if !isPossible {
            warn(
                .neverMatches, range, "'\(field.path)' is from \(bounds.lowerBound) to \(bounds.upperBound)",
                hint: "this is never true")
        }
    }
}

extension Syntax.Comparison {
    /// The same with its sides exchanged; nil where a side has a role of its own.
    var swapped: Syntax.Comparison? {
        switch self {
        case .equal, .unequal: self
        case .less: .greater
        case .lessOrEqual: .greaterOrEqual
        case .greater: .less
        case .greaterOrEqual: .lessOrEqual
        case .matches, .startsWith, .endsWith, .contains: nil
        }
    }
}

extension Field {
    /// All values that a text field has, where they are few.
    var values: [String]? {
        switch self {
        case .authResult: ["ok", "bad_credentials", "temporary", "cancelled", "malformed"]
        case .senderBody: ["7BIT", "8BITMIME", "BINARYMIME"]
        case _: nil
        }
    }

    /// The range of a number, where it is bounded.
    var bounds: ClosedRange<Int64>? {
        switch self {
        case .nowHour: 0...23
        case .nowWeekday: 1...7
        case .clientPort, .listenerPort: 0...65535
        case .rcptCount: 1...Int64.max
        case .backendCode: 200...599
        case .clientProtocolErrors, .authFailures, .rcptRejected, .messageReceivedCount, .fromHeaderCount,
            .sessionMessages, .sessionCommands, .authDistinctNets, .authRecipients, .authVolumePercent:
            0...Int64.max
        case .authRejectedPercent: 0...100
        case _: nil
        }
    }
}
