public import Diagnostics
public import Policy

/// A policy whose file has no error: read, checked and compiled, but for the site's own domains.
public struct LoadedPolicy: Sendable, Hashable {
    /// What the file calls it.
    public let name: String
    /// The file, as the operator named it.
    public let file: String
    /// The place of its name.
    public let nameRange: SourceRange
    /// 16 hexadecimal digits that change when the file or one of its list files does.
    public let hash: String
    /// Absolute paths of the files that its lists are read from.
    public let listFiles: [String]
    /// Each rule with the places of its parts, in the order of the file.
    public let outline: [RuleOutline]
    /// `user_rcpts: at most 300 in any 1 h`, for each limit.
    public let limitsInWords: [String]
    private let base: PolicyDefinition
    /// Lists that hold a net which is nobody's in particular.
    let wideLists: Set<String>

    init(
        name: String, file: String, nameRange: SourceRange, hash: String, listFiles: [String],
        outline: [RuleOutline], limitsInWords: [String], base: PolicyDefinition, wideLists: Set<String>
    ) {
        self.name = name
        self.file = file
        self.nameRange = nameRange
        self.hash = hash
        self.listFiles = listFiles
        self.outline = outline
        self.limitsInWords = limitsInWords
        self.base = base
        self.wideLists = wideLists
    }

    /// Two policies are the same if they have one name and were read from the same texts.
    public static func == (a: LoadedPolicy, b: LoadedPolicy) -> Bool {
        (a.name, a.hash) == (b.name, b.hash)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(hash)
    }

    /// The policy at a site whose domains are `patterns` (`example.org`, `.example.net`).
    public func definition(ourDomains patterns: [String]) -> PolicyDefinition {
        var definition = base
        definition.lists[Names.ourDomains] = .domains(patterns)
        return definition
    }
}

/// What a rule looks like in the file, for `explain` and coverage.
public struct RuleOutline: Sendable {
    public let id: String
    public let stage: Stage
    public let mode: Mode
    public let range: SourceRange
    public let when: String?
    public let unless: String?
    public let over: [String]
    public let action: String
}

/// What came of a policy file: a policy if it has no error, and everything that was found, sorted.
public struct PolicyOutcome: Sendable {
    /// Nil if `findings` has an error, or the file is no policy of sessions.
    public var policy: LoadedPolicy?
    /// Instead, if the file is of `kind: egress`.
    public var egress: LoadedEgress?
    public var findings: [Finding]
    /// The texts that the findings point into.
    public var sources: [SourceFile]
    /// Absolute paths of list files, known even if the policy has errors.
    public var listFiles: [String]

    /// The findings as they are printed.
    public func rendered(as format: FindingFormat = .text) -> String {
        FindingRenderer(sources: sources).render(findings, as: format)
    }
}
