/// Whether what was found keeps the file from being loaded.
public enum Severity: String, Sendable, Hashable {
    case error
    case warning
}

/// One thing that was found in a file, in words for the person who wrote it.
public struct Finding: Hashable, Sendable {
    public var severity: Severity
    /// A stable code such as `E501`, listed in the documentation.
    public var code: String
    public var range: SourceRange
    /// What is wrong, without a final stop.
    public var message: String
    /// What to do about it, shown after the carets.
    public var hint: String?
    /// Further lines, each shown after a `=`.
    public var notes: [String]

    public init(
        _ severity: Severity, _ code: String, at range: SourceRange, _ message: String, hint: String? = nil,
        notes: [String] = []
    ) {
        self.severity = severity
        self.code = code
        self.range = range
        self.message = message
        self.hint = hint
        self.notes = notes
    }
}

/// Gathers what several passes find, once each.
public struct FindingCollector: Sendable {
    private var seen: Set<Finding> = []

    public init() {}

    public mutating func add(_ finding: Finding) {
        if seen.insert(finding).inserted, finding.severity == .error { errors += 1 }
    }

    /// How many there are, and how many of them are errors.
    public var count: Int { seen.count }
    public private(set) var errors = 0

    public var hasErrors: Bool { errors > 0 }

    /// By file and place, then by code and message, so that a run always prints the same.
    public var sorted: [Finding] {
        seen.sorted { ($0.range, $0.code, $0.message) < ($1.range, $1.code, $1.message) }
    }
}
