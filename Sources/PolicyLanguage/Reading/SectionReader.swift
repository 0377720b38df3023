public import Diagnostics

/// Reads the mappings of one YAML file of ours, key by key, as portreeve.yaml and policy.yaml are read.
///
/// Never stops at a mistake: what cannot be read is reported, and the answer is nil or nothing.
public protocol SectionReader: AnyObject {
    /// The codes of the file's findings.
    associatedtype Code: RawRepresentable<String>, Sendable

    /// Which of them say what any file may get wrong.
    static var codes: ReadingCodes<Code> { get }
    var findings: FindingCollector { get set }

    /// The keys that a section may have.
    func keys(of section: String) -> [FileKey]
    /// Says why a key that is in no table cannot be used; false for one that nobody knows.
    func reportsAbsent(_ pair: YAMLNode.Pair, in section: String) -> Bool
}

/// A file's own codes for what any file may get wrong.
public struct ReadingCodes<Code: Sendable>: Sendable {
    let unknownKey, missingKey, wrongType, badValue, badUnit, outOfRange: Code

    public init(unknownKey: Code, missingKey: Code, wrongType: Code, badValue: Code, badUnit: Code, outOfRange: Code) {
        self.unknownKey = unknownKey
        self.missingKey = missingKey
        self.wrongType = wrongType
        self.badValue = badValue
        self.badUnit = badUnit
        self.outOfRange = outOfRange
    }
}

/// A mapping whose keys were checked against the table.
public struct Section {
    /// The path in the table, such as `listeners.NAME`.
    public let path: String
    /// Where it stands: its name, or the mapping's beginning.
    public let range: SourceRange
    /// False if there is no mapping at all, which was reported.
    public let isReadable: Bool
    private let pairs: [String: YAMLNode.Pair]

    init(path: String, range: SourceRange, pairs: [YAMLNode.Pair]?) {
        self.path = path
        self.range = range
        isReadable = pairs != nil
        self.pairs = Dictionary((pairs ?? []).map { ($0.key, $0) }) { first, _ in first }
    }

    public subscript(key: String) -> YAMLNode.Pair? { pairs[key] }
}

extension SectionReader {
    public func error(
        _ code: Code, _ range: SourceRange, _ message: String, hint: String? = nil, notes: [String] = []
    ) {
        findings.add(Finding(.error, code.rawValue, at: range, message, hint: hint, notes: notes))
    }

    public func warning(
        _ code: Code, _ range: SourceRange, _ message: String, hint: String? = nil, notes: [String] = []
    ) {
        findings.add(Finding(.warning, code.rawValue, at: range, message, hint: hint, notes: notes))
    }

    public func didYouMean(_ word: String, _ known: some Sequence<String>) -> String? {
        Suggestion.nearest(to: word, in: known).map { "did you mean '\($0)'?" }
    }

    public func reportsAbsent(_ pair: YAMLNode.Pair, in section: String) -> Bool { false }

    /// Checks the keys of a mapping against the table.
    ///
    /// `path` is that of the table, `shown` what people know the mapping by.
    public func section(_ node: YAMLNode, _ path: String, shown: String, at range: SourceRange) -> Section {
        guard let pairs = mapping(node, shown) else { return Section(path: path, range: range, pairs: nil) }
        let keys = keys(of: path)
        let known = pairs.filter { check($0, path, shown, keys.map(\.name)) }
        for key in keys where key.isRequired && !pairs.contains(where: { $0.key == key.name }) {
            missing(key, range, shown)
        }
        return Section(path: path, range: range, pairs: known)
    }

    /// A key that other keys make necessary.
    public func require(_ name: String, in section: Section, _ shown: String) {
        guard section[name] == nil, section.isReadable,
            let key = keys(of: section.path).first(where: { $0.name == name })
        else { return }
        missing(key, section.range, shown)
    }

    private func missing(_ key: FileKey, _ range: SourceRange, _ shown: String) {
        error(
            Self.codes.missingKey, range, "\(shown) needs '\(key.name)'",
            notes: ["\(key.name): \(key.type); \(key.meaning)"])
    }

    /// The pairs of a mapping; nothing after the colon is an empty one.
    public func mapping(_ node: YAMLNode, _ shown: String) -> [YAMLNode.Pair]? {
        switch node.value {
        case .mapping(let pairs): return pairs
        case .poisoned: return nil
        case .scalar, .sequence:
            if !node.isEmpty {
                error(Self.codes.wrongType, node.range, "\(shown) must be a mapping, found \(node.kind)")
            }
            return node.isEmpty ? [] : nil
        }
    }

    private func check(_ pair: YAMLNode.Pair, _ path: String, _ shown: String, _ names: [String]) -> Bool {
        if names.contains(pair.key) { return true }
        if reportsAbsent(pair, in: path) { return false }
        error(
            Self.codes.unknownKey, pair.keyRange, "unknown key '\(pair.key)' in \(shown)",
            hint: didYouMean(pair.key, names),
            notes: ["keys of \(shown): \(names.sorted().joined(separator: " "))"])
        return false
    }
}
