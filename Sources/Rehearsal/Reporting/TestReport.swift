public import Diagnostics

/// What went otherwise than expected.
public struct TestFailure: Sendable, Equatable {
    /// The step, or the line of a script.
    public let place: String?
    /// Side by side, one entry for each key.
    public let expected: [String]
    public let got: [String]
    public let note: String?
}

/// How one test ended.
public struct TestResult: Sendable {
    public let name: String
    public let range: SourceRange
    /// nil if it passed.
    public let failure: TestFailure?
}

/// How the tests of one policy ended.
public struct TestReport: Sendable {
    public let policy: String
    /// The policy's file.
    public let file: String
    /// Ids of the rules that could be reached, in order.
    public let rules: [String]
    public internal(set) var results: [TestResult] = []
    /// Ids of rules that some test reached.
    var reached: Set<String> = []

    init(policy: String, file: String, rules: [String]) {
        self.policy = policy
        self.file = file
        self.rules = rules
    }

    public var failures: [TestResult] { results.filter { $0.failure != nil } }

    /// Rules that no test reached.
    public var unreached: [String] { rules.filter { !reached.contains($0) } }

    /// Reached rules in hundredths, rounded down; 100 of a policy without rules.
    public var coverage: Int {
        rules.isEmpty ? 100 : (rules.count - unreached.count) * 100 / rules.count
    }
}

/// The forms in which reports are printed.
public enum TestReportFormat: String, Sendable, CaseIterable {
    case text, json, junit
}
