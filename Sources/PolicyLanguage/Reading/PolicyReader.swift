internal import Diagnostics

/// Reads one policy.yaml from its tree into a draft.
///
/// Never stops at a mistake: what cannot be read is reported and replaced by something harmless, and a policy comes
/// out only if nothing was reported as an error. Its extensions hold one section each.
final class PolicyReader: SectionReader {
    let source: SourceFile
    let document: YAMLDocument
    /// What relative paths are relative to; absolute.
    let directory: String
    let files: PolicyFiles
    let today: Day
    var findings = FindingCollector()
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

    static let codes = ReadingCodes<PolicyCode>(
        unknownKey: .unknownKey, missingKey: .missingKey, wrongType: .wrongType, badValue: .badValue,
        badUnit: .badUnit, outOfRange: .outOfRange)

    func keys(of section: String) -> [FileKey] { PolicyKeys.keys(of: section) }

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
