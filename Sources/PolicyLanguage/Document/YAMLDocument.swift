public import Diagnostics
private import Yams

/// One YAML file as a tree of raw scalars, with everything that is wrong with it as YAML.
///
/// Promises that no text, however broken, traps or recurses without bound, and that a mistake which leaves the rest
/// readable (a duplicate key, an anchor, a tag) does not hide other mistakes.
public struct YAMLDocument {
    /// Nil if the text is not YAML at all, or empty.
    public private(set) var root: YAMLNode?
    public private(set) var findings: [Finding] = []
    /// The text with its octets counted, for places inside scalars.
    let original: YAMLText

    /// The most duplicate keys that are reported for one file; a name of its own costs a parse.
    private static let mostDuplicates = 50

    public init(_ source: SourceFile) {
        original = YAMLText(source)
        let surface = YAMLSurface(original)
        findings = surface.findings
        if let index = surface.tooDeep {
            let range = surface.text.range(index..<(index + 1))
            report(.yamlSyntax, range, "nested deeper than \(YAMLSurface.deepest) levels")
            return
        }
        var text = surface.text
        while masks <= Self.mostDuplicates {
            let duplicates = compose(text, depths: surface.depths)
            if duplicates.isEmpty { return }
            for duplicate in duplicates { text.mask(duplicate, with: uniqueMask()) }
        }
    }

    private var masks = 0

    /// A placeholder key that no other key is spelt with.
    private mutating func uniqueMask() -> Unicode.Scalar {
        masks += 1
        return Unicode.Scalar(0xE000 + UInt32(masks)) ?? YAMLSurface.alias
    }

    private mutating func report(
        _ code: YAMLCode, _ range: SourceRange, _ message: String, hint: String? = nil
    ) {
        findings.append(Finding(.error, code.rawValue, at: range, message, hint: hint))
    }

    /// Parses the text.
    ///
    /// The answer is where a key is given again, to be masked before the next try.
    private mutating func compose(_ text: YAMLText, depths: [Int]) -> [Range<Int>] {
        do {
            let parser = try Parser(yaml: text.masked, encoding: .utf8)
            guard let first = try parser.nextRoot() else { return [] }
            root = YAMLTree(text: text).node(first, depth: 0)
            if let second = try parser.nextRoot() { reportSecond(second, text) }
        } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
            return duplicates(keys, context.mark, text, depths)
        } catch let error as YamlError {
            report(error, text)
        } catch {
            report(.yamlSyntax, text.source.range(at: 0), "not YAML: \(error)")
        }
        return []
    }

    private mutating func reportSecond(_ node: Node, _ text: YAMLText) {
        let index = text.index(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        report(
            .severalDocuments, text.range(text.restOfLine(index)), "a second YAML document begins here",
            hint: "one document a file")
    }
}

// MARK: Duplicate keys

extension YAMLDocument {
    /// Yams names the first place of a key that occurs twice; what is wrong is the second and every later one.
    ///
    /// If they are spelt so oddly that none is found, the first is reported. The answer is what was reported.
    private mutating func duplicates(
        _ keys: [String], _ mark: Mark, _ text: YAMLText, _ depths: [Int]
    ) -> [Range<Int>] {
        let first = text.index(line: mark.line, column: mark.column)
        let key = keys.first ?? ""
        let spellings = [key, "'\(key)'", "\"\(key)\""].map { Array($0.unicodeScalars) }
        var found: [Range<Int>] = []
        for spelling in spellings {
            var last = first
            while found.count <= Self.mostDuplicates,
                let next = nextOccurrence(of: spelling, after: last, first, text, depths)
            {
                found.append(next)
                last = next.lowerBound
            }
        }
        let hint = found.isEmpty ? nil : "first given in line \(text.range(first..<first).line)"
        if found.isEmpty { found = [YAMLTree(text: text).lexeme(at: first, plain: nil)] }
        for range in found { report(.duplicateKey, text.range(range), "key '\(key)' is given twice", hint: hint) }
        return found
    }

    /// In block style a key of the same mapping has the same column; in flow style it has the same depth.
    private func nextOccurrence(
        of key: [Unicode.Scalar], after last: Int, _ first: Int, _ text: YAMLText, _ depths: [Int]
    ) -> Range<Int>? {
        guard !key.isEmpty, depths.indices.contains(first) else { return nil }
        let depth = depths[first]
        let column = text.column(of: first)
        var index = last + 1
        while index + key.count <= text.scalars.count, depths[index] >= depth {
            if depth == 0, endsMapping(index, column, text) { return nil }
            let end = index + key.count
            let isHere = depths[index] == depth && text.scalars[index..<end].elementsEqual(key) && endsKey(end, text)
            if isHere, depth > 0 ? startsKey(index, text) : text.column(of: index) == column { return index..<end }
            index += 1
        }
        return nil
    }

    /// A block mapping ends with the first line that begins further left.
    private func endsMapping(_ index: Int, _ column: Int, _ text: YAMLText) -> Bool {
        guard text[index - 1] == "\n" else { return false }
        let line = text.restOfLine(index)
        guard let start = line.first(where: { text.scalars[$0] != " " }), text.scalars[start] != "#" else {
            return false
        }
        return start - index < column
    }

    private func endsKey(_ index: Int, _ text: YAMLText) -> Bool {
        var next = index
        while text[next] == " " { next += 1 }
        return text[next] == ":"
    }

    private func startsKey(_ index: Int, _ text: YAMLText) -> Bool {
        text[index - 1].map { " ,{\n".unicodeScalars.contains($0) } ?? true
    }
}

// MARK: Syntax errors

extension YAMLDocument {
    private mutating func report(_ error: YamlError, _ text: YAMLText) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            report(problem, context: context, mark, text)
        case .reader(let problem, _, _, _):
            report(.yamlSyntax, text.source.range(at: 0), problem)
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded, .duplicatedKeysInMapping:
            report(.yamlSyntax, text.source.range(at: 0), "not YAML")
        }
    }

    private mutating func report(_ problem: String, context: YamlError.Context?, _ mark: Mark, _ text: YAMLText) {
        let index = text.index(line: mark.line, column: mark.column)
        let line = text.restOfLine(index)
        let range = text.range(index..<min(index + 1, line.upperBound))
        let place = context.map { "\($0.text.trimmedBlanks) (line \($0.mark.line))" }
        let isColon = problem.contains("mapping values are not allowed")
        let hint = isColon ? "a text with ': ' in it must be quoted" : nil
        findings.append(
            Finding(
                .error, YAMLCode.yamlSyntax.rawValue, at: range, "not YAML: \(problem)", hint: hint,
                notes: place.map { [$0] } ?? []))
    }
}

extension String {
    /// Without blanks at either end.
    public var trimmedBlanks: String {
        let start = drop { $0 == " " || $0 == "\t" || $0 == "\n" }
        return String(start.reversed().drop { $0 == " " || $0 == "\t" || $0 == "\n" }.reversed())
    }
}
