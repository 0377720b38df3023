internal import Diagnostics
internal import Yams

/// Turns Yams' nodes into ours: raw text and exact places, nothing resolved.
struct YAMLTree {
    let text: YAMLText

    /// The node, or a poisoned one below the depth that the surface allows.
    func node(_ node: Node, depth: Int) -> YAMLNode {
        let start = text.index(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        let opening = text.range(start..<min(start + 1, text.restOfLine(start).upperBound))
        guard depth <= YAMLSurface.deepest else { return YAMLNode(value: .poisoned, range: opening, start: start) }
        switch node {
        case .scalar(let scalar): return leaf(scalar, at: start)
        case .sequence(let sequence):
            return YAMLNode(
                value: .sequence(sequence.map { self.node($0, depth: depth + 1) }), range: opening, start: start)
        case .mapping(let mapping):
            return YAMLNode(
                value: .mapping(mapping.compactMap { pair($0.key, $0.value, depth) }), range: opening, start: start)
        case .alias: return YAMLNode(value: .poisoned, range: opening, start: start)
        }
    }

    private func leaf(_ scalar: Node.Scalar, at start: Int) -> YAMLNode {
        let quoted = scalar.style != .plain && scalar.style != .any
        let range = text.range(lexeme(at: start, plain: quoted ? nil : scalar.string))
        if isPlaceholder(scalar.string) { return YAMLNode(value: .poisoned, range: range, start: start) }
        return YAMLNode(value: .scalar(scalar.string, quoted: quoted), range: range, start: start)
    }

    /// Nil for a key that was masked because it is already reported.
    ///
    /// A key that is no scalar becomes an odd name, which no section knows.
    private func pair(_ key: Node, _ value: Node, _ depth: Int) -> YAMLNode.Pair? {
        let name = node(key, depth: depth + 1)
        switch name.value {
        case .poisoned: return nil
        case .scalar(let text, _):
            return YAMLNode.Pair(key: text, keyRange: name.range, value: node(value, depth: depth + 1))
        case .sequence, .mapping:
            return YAMLNode.Pair(key: "?", keyRange: name.range, value: node(value, depth: depth + 1))
        }
    }

    private func isPlaceholder(_ string: String) -> Bool {
        string.unicodeScalars.first.map { (0xE000...0xF8FF).contains($0.value) } ?? false
    }

    /// The scalars of a scalar node on its first line: to the closing quote, or as many as a plain text has.
    func lexeme(at start: Int, plain: String?) -> Range<Int> {
        let line = text.restOfLine(start)
        guard let first = text[start] else { return line }
        if first == "\"" || first == "'" { return line.lowerBound..<closing(first, line) }
        if let plain { return line.lowerBound..<min(start + plain.unicodeScalars.count, line.upperBound) }
        let end = line.first { text.scalars[$0] == ":" || text.scalars[$0] == " " || text.scalars[$0] == "," }
        return line.lowerBound..<(end ?? line.upperBound)
    }

    private func closing(_ quote: Unicode.Scalar, _ line: Range<Int>) -> Int {
        var index = line.lowerBound + 1
        while index < line.upperBound {
            if quote == "\"", text.scalars[index] == "\\" {
                index += 1
            } else if text.scalars[index] == quote {
                guard quote == "'", text[index + 1] == "'" else { return index + 1 }
                index += 1
            }
            index += 1
        }
        return line.upperBound
    }
}
