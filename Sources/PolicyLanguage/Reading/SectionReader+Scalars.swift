public import Policy

// Single values: each reader reports what it cannot read and answers nil.
extension SectionReader {
    /// A text that is not empty.
    public func text(_ node: YAMLNode, _ name: String) -> String? {
        switch node.value {
        case .scalar(let text, _):
            if !text.isEmpty { return text }
            error(Self.codes.wrongType, node.range, "'\(name)' has no value")
        case .sequence, .mapping:
            error(Self.codes.wrongType, node.range, "'\(name)' takes a single value, found \(node.kind)")
        case .poisoned: break
        }
        return nil
    }

    public func text(_ pair: YAMLNode.Pair?) -> String? {
        pair.flatMap { text($0.value, $0.key) }
    }

    public func flag(_ pair: YAMLNode.Pair?) -> Bool? {
        guard let pair, let text = text(pair) else { return nil }
        if let value = Bool(text) { return value }
        error(
            Self.codes.badValue, pair.value.range, "'\(pair.key)' is true or false, found '\(text)'",
            hint: "write true or false")
        return nil
    }

    /// One of some cases of an enumeration, by raw value.
    public func choice<Choice: RawRepresentable<String>>(_ pair: YAMLNode.Pair?, of choices: [Choice]) -> Choice? {
        guard let pair, let text = text(pair) else { return nil }
        if let choice = choices.first(where: { $0.rawValue == text }) { return choice }
        reportChoice(pair, text, choices.map(\.rawValue))
        return nil
    }

    /// One of all cases.
    public func choice<Choice: RawRepresentable<String> & CaseIterable>(_ pair: YAMLNode.Pair?) -> Choice? {
        choice(pair, of: Array(Choice.allCases))
    }

    public func reportChoice(_ pair: YAMLNode.Pair, _ text: String, _ choices: [String]) {
        error(
            Self.codes.badValue, pair.value.range, "'\(pair.key)' cannot be '\(text)'",
            hint: didYouMean(text, choices), notes: ["values of \(pair.key): \(choices.joined(separator: " "))"])
    }

    public func number(_ pair: YAMLNode.Pair?, in range: ClosedRange<UInt64>) -> UInt64? {
        quantity(
            pair, in: range, Self.codes.badValue, read: Units.number, written: { "\($0)" },
            hint: "a whole number, without a unit")
    }

    /// Nanoseconds.
    public func duration(_ pair: YAMLNode.Pair?, in range: ClosedRange<UInt64>) -> UInt64? {
        quantity(
            pair, in: range, Self.codes.badUnit, read: Units.duration, written: Units.duration,
            hint: "a duration, such as 500ms, 30s, 5min, 1h, 1d")
    }

    /// Octets.
    public func size(_ pair: YAMLNode.Pair?, in range: ClosedRange<UInt64>) -> UInt64? {
        quantity(
            pair, in: range, Self.codes.badUnit, read: Units.size, written: Units.size,
            hint: "a size, such as 512B, 64KB, 50MB, 1GB")
    }

    /// At most so many events in a period.
    public func rate(_ pair: YAMLNode.Pair?, atMost most: UInt64) -> ProtocolLimits.Rate? {
        guard let pair, let text = text(pair) else { return nil }
        guard let rate = Units.rate(text) else {
            let hint = "a rate with its unit, such as 10/s, 60/min, 200/h, 500/d"
            error(Self.codes.badUnit, pair.value.range, "'\(pair.key)' cannot be '\(text)'", hint: hint)
            return nil
        }
        guard rate.count <= most else {
            error(
                Self.codes.outOfRange, pair.value.range, "'\(pair.key)' is too fast",
                hint: "at most \(most) in a period")
            return nil
        }
        return rate
    }

    private func quantity(
        _ pair: YAMLNode.Pair?, in range: ClosedRange<UInt64>, _ bad: Code, read: (String) -> UInt64?,
        written: (UInt64) -> String, hint: String
    ) -> UInt64? {
        guard let pair, let text = text(pair) else { return nil }
        guard let value = read(text) else {
            error(bad, pair.value.range, "'\(pair.key)' cannot be '\(text)'", hint: hint)
            return nil
        }
        guard range.contains(value) else {
            let bounds = "from \(written(range.lowerBound)) to \(written(range.upperBound))"
            error(Self.codes.outOfRange, pair.value.range, "'\(pair.key)' is out of range", hint: bounds)
            return nil
        }
        return value
    }

    // MARK: Lists

    /// The items of a list.
    public func list(_ pair: YAMLNode.Pair?) -> [YAMLNode] {
        guard let pair else { return [] }
        switch pair.value.value {
        case .sequence(let items): return items
        case .poisoned: return []
        case .scalar(let text, let quoted):
            let hint = pair.value.isEmpty ? nil : quoted ? "write [\"\(text)\"]" : "write [\(text)]"
            error(
                Self.codes.wrongType, pair.value.range, "'\(pair.key)' takes a list, found \(pair.value.kind)",
                hint: hint)
        case .mapping: error(Self.codes.wrongType, pair.value.range, "'\(pair.key)' takes a list, found a mapping")
        }
        return []
    }

    /// One value, or a list of them.
    public func oneOrMore(_ pair: YAMLNode.Pair?) -> [YAMLNode] {
        guard let pair else { return [] }
        switch pair.value.value {
        case .sequence(let items):
            if items.isEmpty { error(Self.codes.wrongType, pair.value.range, "'\(pair.key)' has no value") }
            return items
        case .scalar: return [pair.value]
        case .poisoned: return []
        case .mapping:
            error(Self.codes.wrongType, pair.value.range, "'\(pair.key)' takes a value or a list, found a mapping")
            return []
        }
    }
}
