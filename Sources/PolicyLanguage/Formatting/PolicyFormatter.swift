public import Diagnostics
internal import Policy

/// Rewrites a policy file in the one form: word operators, quoted replies, no blanks at line ends, one final line end.
///
/// It edits the text where something stands and leaves everything else, comments and layout included. A text that is
/// not YAML comes back as it is, with what is wrong with it.
public enum PolicyFormatter {
    public static func format(_ text: String, name: String) -> (text: String, findings: [Finding]) {
        let source = SourceFile(name: name, text: text)
        let document = YAMLDocument(source)
        guard let root = document.root, document.findings.isEmpty else { return (text, document.findings) }
        var edits: [Edit] = []
        collect(root, key: "", document, &edits)
        return (tidied(applied(edits, to: Array(text.utf8))), [])
    }

    private struct Edit {
        let octets: Range<Int>
        let replacement: String
    }

    private static func collect(_ node: YAMLNode, key: String, _ document: YAMLDocument, _ edits: inout [Edit]) {
        switch node.value {
        case .mapping(let pairs):
            for pair in pairs { collect(pair.value, key: pair.key, document, &edits) }
        case .sequence(let items):
            for item in items { collect(item, key: key, document, &edits) }
        case .scalar(let text, let quoted):
            if key == "when" || key == "unless" { edits += operators(text, document.map(node)) }
            if key == "reply" || key == "default_reply", !quoted { edits += self.quoted(text, node) }
        case .poisoned: break
        }
    }

    /// `&&`, `||` and `!` become words; a word keeps a blank on either side.
    private static func operators(_ text: String, _ map: ScalarMap) -> [Edit] {
        let bytes = Array(text.utf8)
        let tokenizer = Tokenizer(text)
        guard tokenizer.faults.isEmpty else { return [] }
        return tokenizer.symbols.map { symbol in
            let range = map.range(symbol.range)
            let before = symbol.range.lowerBound > 0 ? bytes[symbol.range.lowerBound - 1] : 0x20
            let after = symbol.range.upperBound < bytes.count ? bytes[symbol.range.upperBound] : 0x20
            let open = before == 0x20 || before == UInt8(ascii: "(") || before == 0x0A ? "" : " "
            let close = after == 0x20 || after == 0x0A ? "" : " "
            return Edit(
                octets: range.offset..<(range.offset + range.length), replacement: open + symbol.word + close)
        }
    }

    /// A plain reply of one line in double quotes.
    private static func quoted(_ text: String, _ node: YAMLNode) -> [Edit] {
        let start = node.range.offset
        guard !text.isEmpty, node.range.length == text.utf8.count else { return [] }
        let escaped = text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }
        return [Edit(octets: start..<(start + node.range.length), replacement: "\"" + String(escaped) + "\"")]
    }

    private static func applied(_ edits: [Edit], to bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        for edit in edits.sorted(by: { $0.octets.lowerBound < $1.octets.lowerBound })
        where edit.octets.lowerBound >= index && edit.octets.upperBound <= bytes.count {
            result += bytes[index..<edit.octets.lowerBound]
            result += Array(edit.replacement.utf8)
            index = edit.octets.upperBound
        }
        return result + bytes[index...]
    }

    /// LF line ends, no blanks before them, no empty line at the end.
    private static func tidied(_ bytes: [UInt8]) -> String {
        var lines: [ArraySlice<UInt8>] = []
        for var line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            while let last = line.last, last == 0x20 || last == 0x09 || last == 0x0D { line.removeLast() }
            lines.append(line)
        }
        while let last = lines.last, last.isEmpty { lines.removeLast() }
        return lines.map { String(decoding: $0, as: UTF8.self) + "\n" }.joined()
    }
}
