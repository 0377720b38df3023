internal import Diagnostics
internal import PolicyLanguage

/// Reads one portreeve.yaml from its tree.
///
/// Never stops at a mistake: what cannot be read is reported and replaced by its default, and a plan comes out only if
/// nothing was reported as an error.
///
/// Its extensions hold one section each; the keys come from `ConfigurationKeys`.
final class PlanReader {
    let source: SourceFile
    /// What relative paths are relative to; absolute.
    let directory: String
    let checks: ConfigurationChecks
    private(set) var findings = FindingCollector()
    /// The texts that findings point into: the configuration and its policies.
    var sources: [SourceFile]

    init(source: SourceFile, directory: String, checks: ConfigurationChecks) {
        self.source = source
        self.directory = directory
        self.checks = checks
        sources = [source]
    }

    func error(
        _ code: ConfigurationCode, _ range: SourceRange, _ message: String, hint: String? = nil, notes: [String] = []
    ) {
        findings.add(Finding(.error, code.rawValue, at: range, message, hint: hint, notes: notes))
    }

    func warning(
        _ code: ConfigurationCode, _ range: SourceRange, _ message: String, hint: String? = nil, notes: [String] = []
    ) {
        findings.add(Finding(.warning, code.rawValue, at: range, message, hint: hint, notes: notes))
    }

    func add(_ others: [Finding]) {
        others.forEach { findings.add($0) }
    }
}

// MARK: Sections

/// A mapping whose keys were checked against the table.
struct Section {
    /// The path in the table, such as `listeners.NAME`.
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
        let pairs = pairs ?? []
        self.pairs = Dictionary(pairs.map { ($0.key, $0) }) { first, _ in first }
    }

    subscript(key: String) -> YAMLNode.Pair? { pairs[key] }
}

extension PlanReader {
    /// Checks the keys of a mapping; `also` are keys that a part of the section reads itself.
    ///
    /// `path` is that of the table, `shown` what people know the mapping by.
    func section(_ node: YAMLNode, _ path: String, shown: String, at range: SourceRange) -> Section {
        guard let pairs = mapping(node, shown) else { return Section(path: path, range: range, pairs: nil) }
        let keys = ConfigurationKeys.keys(of: path)
        let known = pairs.filter { check($0, path, shown, keys) }
        for key in keys where key.isRequired && !pairs.contains(where: { $0.key == key.name }) {
            missing(key, range, shown)
        }
        return Section(path: path, range: range, pairs: known)
    }

    /// A key that other keys make necessary.
    func require(_ name: String, in section: Section, _ shown: String) {
        guard section[name] == nil, section.isReadable,
            let key = ConfigurationKeys.keys(of: section.path).first(where: { $0.name == name })
        else { return }
        missing(key, section.range, shown)
    }

    private func missing(_ key: ConfigurationKey, _ range: SourceRange, _ shown: String) {
        error(
            .missingKey, range, "\(shown) needs '\(key.name)'", notes: ["\(key.name): \(key.type); \(key.meaning)"])
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

    private func check(_ pair: YAMLNode.Pair, _ path: String, _ shown: String, _ keys: [ConfigurationKey]) -> Bool {
        if keys.contains(where: { $0.name == pair.key }) { return true }
        if let absent = AbsentPart.key(pair.key, in: path) {
            error(.notInThisVersion, pair.keyRange, "'\(pair.key)' is not in this version", hint: absent.instead)
            return false
        }
        let names = keys.map(\.name).sorted()
        error(
            .unknownKey, pair.keyRange, "unknown key '\(pair.key)' in \(shown)",
            hint: Suggestion.nearest(to: pair.key, in: names).map { "did you mean '\($0)'?" },
            notes: ["keys of \(shown): \(names.joined(separator: " "))"])
        return false
    }
}
