internal import Bytes
internal import Diagnostics
internal import Policy
internal import PolicyLanguage

/// Single values: each reader reports what it cannot read and answers nil.
extension PlanReader {
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

    func flag(_ pair: YAMLNode.Pair?) -> Bool? {
        guard let pair, let text = text(pair) else { return nil }
        switch text {
        case "true": return true
        case "false": return false
        default:
            error(
                .badValue, pair.value.range, "'\(pair.key)' is true or false, found '\(text)'",
                hint: "write true or false")
            return nil
        }
    }

    /// One of the cases of an enumeration, by raw value.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ pair: YAMLNode.Pair?, _: Choice.Type = Choice.self
    ) -> Choice? {
        guard let pair, let text = text(pair) else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        reportChoice(pair, text, Choice.allCases.map(\.rawValue))
        return nil
    }

    func reportChoice(_ pair: YAMLNode.Pair, _ text: String, _ choices: [String]) {
        error(
            .badValue, pair.value.range, "'\(pair.key)' cannot be '\(text)'",
            hint: Suggestion.nearest(to: text, in: choices).map { "did you mean '\($0)'?" },
            notes: ["values of \(pair.key): \(choices.joined(separator: " "))"])
    }

    func number(_ pair: YAMLNode.Pair?, in range: ClosedRange<UInt64>) -> UInt64? {
        quantity(pair, in: range, read: Units.number, written: { "\($0)" }, hint: "a whole number, without a unit")
    }

    func duration(_ pair: YAMLNode.Pair?, in range: ClosedRange<UInt64>) -> UInt64? {
        quantity(
            pair, in: range, read: Units.duration, written: Units.duration,
            hint: "a duration, such as 500ms, 30s, 5min, 1h, 1d")
    }

    func size(_ pair: YAMLNode.Pair?, in range: ClosedRange<UInt64>) -> UInt64? {
        quantity(pair, in: range, read: Units.size, written: Units.size, hint: "a size, such as 512B, 64KB, 50MB, 1GB")
    }

    func rate(_ pair: YAMLNode.Pair?) -> ProtocolLimits.Rate? {
        guard let pair, let text = text(pair) else { return nil }
        guard let rate = Units.rate(text) else {
            let hint = "a rate, such as 10/s, 60/min, 200/h, 500/d"
            error(.badValue, pair.value.range, "'\(pair.key)' cannot be '\(text)'", hint: hint)
            return nil
        }
        guard rate.count <= 1_000_000 else {
            error(.outOfRange, pair.value.range, "'\(pair.key)' is too fast", hint: "at most 1000000 in a period")
            return nil
        }
        return rate
    }

    private func quantity(
        _ pair: YAMLNode.Pair?, in range: ClosedRange<UInt64>, read: (String) -> UInt64?,
        written: (UInt64) -> String, hint: String
    ) -> UInt64? {
        guard let pair, let text = text(pair) else { return nil }
        guard let value = read(text) else {
            error(.badValue, pair.value.range, "'\(pair.key)' cannot be '\(text)'", hint: hint)
            return nil
        }
        guard range.contains(value) else {
            let bounds = "from \(written(range.lowerBound)) to \(written(range.upperBound))"
            error(.outOfRange, pair.value.range, "'\(pair.key)' is out of range", hint: bounds)
            return nil
        }
        return value
    }
}

// MARK: Lists

extension PlanReader {
    /// The items of a list.
    func list(_ pair: YAMLNode.Pair?) -> [YAMLNode] {
        guard let pair else { return [] }
        switch pair.value.value {
        case .sequence(let items): return items
        case .poisoned: return []
        case .scalar(let text, let quoted):
            let hint = pair.value.isEmpty ? nil : quoted ? "write [\"\(text)\"]" : "write [\(text)]"
            error(.wrongType, pair.value.range, "'\(pair.key)' takes a list, found \(pair.value.kind)", hint: hint)
        case .mapping: error(.wrongType, pair.value.range, "'\(pair.key)' takes a list, found a mapping")
        }
        return []
    }

    /// A list of CIDR blocks; an address alone is a block of one.
    func prefixes(_ pair: YAMLNode.Pair?) -> [AddressPrefix] {
        list(pair).compactMap { item in
            guard let text = text(item, pair?.key ?? "") else { return nil }
            if let prefix = AddressPrefix(text) { return prefix }
            error(.badValue, item.range, "'\(text)' is not a CIDR block", hint: "such as 192.0.2.0/24 or 2001:db8::/32")
            return nil
        }
    }
}
