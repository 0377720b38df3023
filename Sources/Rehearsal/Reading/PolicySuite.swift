public import Diagnostics
internal import FirewallPlan
public import PolicyLanguage

/// A policy folder with its tests.
public struct PolicySuite: Sendable {
    /// Nil if the policy has errors.
    public var policy: LoadedPolicy?
    /// Instead, if the policy is of kind egress.
    public var egress: LoadedEgress?
    /// Nil if there are no tests, or they have errors.
    public var tests: PolicyTestFile?
    public var findings: [Finding]
    public var sources: [SourceFile]

    /// Reads a policy folder, its policy.yaml or its tests.yaml; findings say `path` as it is given.
    public static func load(_ path: String, _ loader: PolicyLoader = PolicyLoader()) -> PolicySuite {
        let folder = folder(of: path)
        let outcome = loader.load(path: folder, shown: folder)
        var suite = PolicySuite(
            policy: outcome.policy, egress: outcome.egress, findings: outcome.findings, sources: outcome.sources)
        let name = folder.hasSuffix("/") ? folder + TestReader.fileName : folder + "/" + TestReader.fileName
        let absolute = FilePaths.absolute(name, in: FilePaths.current)
        guard case .bytes(let bytes) = loader.files.read(absolute, PolicyFiles.longestPolicy) else {
            suite.add(.fileMissing, .file(name), "no tests")
            return suite
        }
        let reading = TestReader.read(text: String(decoding: bytes, as: UTF8.self), name: name)
        suite.findings += reading.findings
        suite.sources += reading.sources
        suite.tests = reading.file
        let policyName = suite.policy?.name ?? suite.egress?.policy.name
        if let policyName, let tests = reading.file, tests.policy != policyName {
            suite.add(.unknownPolicy, .file(name), "the tests are for '\(tests.policy)', the policy is '\(policyName)'")
            suite.tests = nil
        }
        suite.checkKinds()
        suite.checkRules()
        return suite
    }

    private static func folder(of path: String) -> String {
        for file in [TestReader.fileName, PolicyLoader.fileName] where path == file || path.hasSuffix("/" + file) {
            let rest = path.dropLast(file.utf8.count)
            return rest.isEmpty ? "." : String(rest)
        }
        return path
    }

    private mutating func add(_ code: PolicyCode, _ range: SourceRange, _ message: String, hint: String? = nil) {
        findings.append(Finding(.error, code.rawValue, at: range, message, hint: hint))
    }

    /// Packets are for policies of kind egress, facts and scripts for the others.
    private mutating func checkKinds() {
        guard policy != nil || egress != nil, let tests else { return }
        for test in tests.tests {
            let isOfPackets = if case .packets = test.body { true } else { false }
            guard isOfPackets != (egress != nil) else { continue }
            add(
                .conflict, test.range,
                isOfPackets ? "a test with 'packet' is for a policy of kind egress" : "this policy is of kind egress",
                hint: isOfPackets ? "use 'facts' or 'script'" : "use 'packet'")
            self.tests = nil
        }
    }

    /// A rule that a test expects must exist.
    private mutating func checkRules() {
        guard let policy, let tests else { return }
        let known = policy.outline.map(\.id) + ["default"]
        for test in tests.tests {
            guard case .steps(let steps) = test.body else { continue }
            for step in steps {
                for rule in [step.expected.rule, step.expected.monitored].compactMap(\.self)
                where !rule.contains("/") && !known.contains(rule) {
                    add(
                        .unknownRule, step.expected.range, "unknown rule '\(rule)'",
                        hint: Suggestion.nearest(to: rule, in: known).map { "did you mean '\($0)'?" })
                    self.tests = nil
                }
            }
        }
    }

    public var hasErrors: Bool { findings.contains { $0.severity == .error } }
}
