internal import Diagnostics

/// Reads one policy.yaml from its tree into a draft.
///
/// Never stops at a mistake: what cannot be read is reported and replaced by something harmless, and a policy comes
/// out only if nothing was reported as an error. Its extensions hold one section each.
final class PolicyReader {
    let source: SourceFile
    let document: YAMLDocument
    /// What relative paths are relative to; absolute.
    let directory: String
    let files: PolicyFiles
    let today: Day
    private(set) var findings = FindingCollector()
    /// The texts of list files, for findings in them.
    var sources: [SourceFile]
    /// The absolute paths of list files.
    var listFiles: [String] = []
    /// What the policy's hash is made of: its text and those of its list files.
    var hashed: [[UInt8]]

    init(source: SourceFile, directory: String, files: PolicyFiles, today: Day) {
        self.source = source
        self.directory = directory
        self.files = files
        self.today = today
        document = YAMLDocument(source)
        sources = [source]
        hashed = [Array(source.text.utf8)]
        document.findings.forEach { findings.add($0) }
    }

    func error(
        _ code: PolicyCode, _ range: SourceRange, _ message: String, hint: String? = nil, notes: [String] = []
    ) {
        findings.add(Finding(.error, code.rawValue, at: range, message, hint: hint, notes: notes))
    }

    func warning(
        _ code: PolicyCode, _ range: SourceRange, _ message: String, hint: String? = nil, notes: [String] = []
    ) {
        findings.add(Finding(.warning, code.rawValue, at: range, message, hint: hint, notes: notes))
    }

    /// Everything of an expression that was found at octets of its text.
    func report(_ faults: [ExpressionFault], in map: ScalarMap) {
        for fault in faults {
            let severity: Severity = fault.severity == .error ? .error : .warning
            findings.add(
                Finding(
                    severity, fault.code.rawValue, at: map.range(fault.range), fault.message, hint: fault.hint,
                    notes: fault.notes))
        }
    }
}

// MARK: Sections

/// A mapping whose keys were checked against the table.
struct PolicySection {
    let path: String
    /// Where it stands: its name, or the mapping's beginning.
    let range: SourceRange
    /// False if there is no mapping at all, which was reported.
    let isReadable: Bool
    private let pairs: [String: YAMLNode.Pair]

    init(path: String, range: SourceRange, pairs: [YAMLNode.Pair]?) {
        self.path = path
        self.range = range
        isReadable = pairs != nil
        self.pairs = Dictionary((pairs ?? []).map { ($0.key, $0) }) { first, _ in first }
    }

    subscript(key: String) -> YAMLNode.Pair? { pairs[key] }
}

extension PolicyReader {
    /// Checks the keys of a mapping against the table.
    func section(_ node: YAMLNode, _ path: String, shown: String, at range: SourceRange) -> PolicySection {
        guard let pairs = mapping(node, shown) else { return PolicySection(path: path, range: range, pairs: nil) }
        let keys = PolicyKeys.keys(of: path)
        let known = pairs.filter { check($0, shown, keys.map(\.name)) }
        for key in keys where key.isRequired && !pairs.contains(where: { $0.key == key.name }) {
            error(
                .missingKey, range, "\(shown) needs '\(key.name)'", notes: ["\(key.name): \(key.type); \(key.meaning)"])
        }
        return PolicySection(path: path, range: range, pairs: known)
    }

    /// The pairs of a mapping; nothing after the colon is an empty one.
    func mapping(_ node: YAMLNode, _ shown: String) -> [YAMLNode.Pair]? {
        switch node.value {
        case .mapping(let pairs): return pairs
        case .poisoned: return nil
        case .scalar, .sequence:
            if !node.isEmpty { error(.wrongType, node.range, "\(shown) must be a mapping, found \(node.kind)") }
            return node.isEmpty ? [] : nil
        }
    }

    private func check(_ pair: YAMLNode.Pair, _ shown: String, _ names: [String]) -> Bool {
        if names.contains(pair.key) { return true }
        error(
            .unknownKey, pair.keyRange, "unknown key '\(pair.key)' in \(shown)",
            hint: didYouMean(pair.key, names),
            notes: ["keys of \(shown): \(names.sorted().joined(separator: " "))"])
        return false
    }

    func didYouMean(_ word: String, _ known: some Sequence<String>) -> String? {
        Suggestion.nearest(to: word, in: known).map { "did you mean '\($0)'?" }
    }
}
