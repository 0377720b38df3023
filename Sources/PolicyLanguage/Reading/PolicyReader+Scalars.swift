internal import Bytes
internal import Diagnostics
internal import Policy

// Single values: each reader reports what it cannot read and answers nil.
extension PolicyReader {
    /// A text that is not empty.
    func text(_ node: YAMLNode, _ name: String) -> String? {
        switch node.value {
        case .scalar(let text, _):
            if !text.isEmpty { return text }
            error(.wrongType, node.range, "'\(name)' has no value")
        case .sequence, .mapping: error(.wrongType, node.range, "'\(name)' takes a single value, found \(node.kind)")
        case .poisoned: break
        }
        return nil
    }

    func text(_ pair: YAMLNode.Pair?) -> String? {
        pair.flatMap { text($0.value, $0.key) }
    }

    /// One of the cases of an enumeration, by raw value.
    func choice<Choice: RawRepresentable<String>>(
        _ pair: YAMLNode.Pair?, of choices: [Choice]
    ) -> Choice? {
        guard let pair, let text = text(pair) else { return nil }
        if let choice = choices.first(where: { $0.rawValue == text }) { return choice }
        reportChoice(pair, text, choices.map(\.rawValue))
        return nil
    }

    func reportChoice(_ pair: YAMLNode.Pair, _ text: String, _ choices: [String]) {
        error(
            .badValue, pair.value.range, "'\(pair.key)' cannot be '\(text)'", hint: didYouMean(text, choices),
            notes: ["values of \(pair.key): \(choices.joined(separator: " "))"])
    }

    func number(_ pair: YAMLNode.Pair?, in range: ClosedRange<UInt64>) -> UInt64? {
        guard let pair, let text = text(pair) else { return nil }
        guard let value = Units.number(text) else {
            error(
                .badValue, pair.value.range, "'\(pair.key)' cannot be '\(text)'",
                hint: "a whole number, without a unit")
            return nil
        }
        guard range.contains(value) else {
            let bounds = "from \(range.lowerBound) to \(range.upperBound)"
            error(.outOfRange, pair.value.range, "'\(pair.key)' is out of range", hint: bounds)
            return nil
        }
        return value
    }

    func flag(_ pair: YAMLNode.Pair?) -> Bool? {
        guard let pair, let text = text(pair) else { return nil }
        if let value = Bool(text) { return value }
        reportChoice(pair, text, ["true", "false"])
        return nil
    }

    /// Nanoseconds.
    func duration(_ pair: YAMLNode.Pair?, in range: ClosedRange<UInt64>) -> UInt64? {
        guard let pair, let text = text(pair) else { return nil }
        guard let value = Units.duration(text) else {
            error(
                .badUnit, pair.value.range, "'\(pair.key)' cannot be '\(text)'",
                hint: "a duration, such as 500ms, 30s, 5min, 1h, 1d")
            return nil
        }
        guard range.contains(value) else {
            let bounds = "from \(Units.duration(range.lowerBound)) to \(Units.duration(range.upperBound))"
            error(.outOfRange, pair.value.range, "'\(pair.key)' is out of range", hint: bounds)
            return nil
        }
        return value
    }

    func rate(_ pair: YAMLNode.Pair?) -> (count: UInt64, period: UInt64)? {
        guard let pair, let text = text(pair) else { return nil }
        guard let rate = Units.rate(text) else {
            error(
                .badUnit, pair.value.range, "'\(pair.key)' cannot be '\(text)'",
                hint: "a rate with its unit, such as 10/s, 60/min, 200/h, 500/d")
            return nil
        }
        guard rate.count <= 1_000_000_000 else {
            error(.outOfRange, pair.value.range, "'\(pair.key)' is too fast", hint: "at most 1000000000 in a period")
            return nil
        }
        return (rate.count, rate.period)
    }

    /// A name that can stand in logs and metric labels as it is: letters, digits, `-` and `_`, at most 64.
    func name(_ text: String, _ what: String, at range: SourceRange) -> String? {
        let isPlain = text.utf8.allSatisfy { ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2D || $0 == 0x5F }
        if isPlain, text.utf8.count <= 64, text.utf8.first.map(ASCII.isLetter) ?? false { return text }
        error(
            .badValue, range, "'\(text)' cannot name a \(what)",
            hint: "a letter, then letters, digits, - and _; at most 64")
        return nil
    }

    // MARK: Lists

    /// The items of a list.
    func list(_ pair: YAMLNode.Pair?) -> [YAMLNode] {
        guard let pair else { return [] }
        switch pair.value.value {
        case .sequence(let items): return items
        case .poisoned: return []
        case .scalar, .mapping:
            error(.wrongType, pair.value.range, "'\(pair.key)' takes a list, found \(pair.value.kind)")
            return []
        }
    }

    /// One text or a list of them, each with its place; one that stands there twice was meant to be another.
    func distinct(_ pair: YAMLNode.Pair?) -> [(String, SourceRange)] {
        guard let pair else { return [] }
        var seen: Set<String> = []
        return oneOrMore(pair).compactMap { item in
            guard let text = text(item, pair.key) else { return nil }
            if !seen.insert(text).inserted {
                error(.duplicateName, item.range, "'\(text)' stands twice in '\(pair.key)'")
            }
            return (text, item.range)
        }
    }

    /// One value, or a list of them.
    func oneOrMore(_ pair: YAMLNode.Pair?) -> [YAMLNode] {
        guard let pair else { return [] }
        switch pair.value.value {
        case .sequence(let items):
            if items.isEmpty { error(.wrongType, pair.value.range, "'\(pair.key)' has no value") }
            return items
        case .scalar: return [pair.value]
        case .poisoned: return []
        case .mapping:
            error(.wrongType, pair.value.range, "'\(pair.key)' takes a value or a list, found a mapping")
            return []
        }
    }
}
