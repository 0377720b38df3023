internal import Bytes
internal import Diagnostics

// What only policies have: names, and lists of names.
extension PolicyReader {
    /// A name that can stand in logs and metric labels as it is: letters, digits, `-` and `_`, at most 64.
    func name(_ text: String, _ what: String, at range: SourceRange) -> String? {
        let isPlain = text.utf8.allSatisfy { ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2D || $0 == 0x5F }
        if isPlain, text.utf8.count <= 64, text.utf8.first.map(ASCII.isLetter) ?? false { return text }
        error(
            .badValue, range, "'\(text)' cannot name a \(what)",
            hint: "a letter, then letters, digits, - and _; at most 64")
        return nil
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
}
