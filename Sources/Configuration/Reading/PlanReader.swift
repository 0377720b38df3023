internal import Bytes
internal import Diagnostics
internal import PolicyLanguage

/// Reads one portreeve.yaml from its tree.
///
/// Never stops at a mistake: what cannot be read is reported and replaced by its default, and a plan comes out only if
/// nothing was reported as an error.
///
/// Its extensions hold one section each; the keys come from `ConfigurationKeys`.
final class PlanReader: SectionReader {
    let source: SourceFile
    /// What relative paths are relative to; absolute.
    let directory: String
    let checks: ConfigurationChecks
    var findings = FindingCollector()
    /// The texts that findings point into: the configuration and its policies.
    var sources: [SourceFile]

    init(source: SourceFile, directory: String, checks: ConfigurationChecks) {
        self.source = source
        self.directory = directory
        self.checks = checks
        sources = [source]
    }

    static let codes = ReadingCodes<ConfigurationCode>(
        unknownKey: .unknownKey, missingKey: .missingKey, wrongType: .wrongType, badValue: .badValue,
        badUnit: .badValue, outOfRange: .outOfRange)

    func keys(of section: String) -> [FileKey] { ConfigurationKeys.keys(of: section) }

    func reportsAbsent(_ pair: YAMLNode.Pair, in section: String) -> Bool {
        guard let absent = AbsentPart.key(pair.key, in: section) else { return false }
        error(.notInThisVersion, pair.keyRange, "'\(pair.key)' is not in this version", hint: absent.instead)
        return true
    }

    func add(_ others: [Finding]) {
        others.forEach { findings.add($0) }
    }
}

extension PlanReader {
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
