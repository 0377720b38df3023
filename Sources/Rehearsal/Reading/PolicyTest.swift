public import Diagnostics
internal import Policy

/// What a tests.yaml says.
public struct PolicyTestFile: Sendable {
    /// The policy that it is for.
    public let policy: String
    /// `domains:`, which stand for those of portreeve.yaml.
    let domains: [String]
    /// `realm:`, which stands for the backend's.
    let realm: String?
    /// Judges a monitored policy of kind egress as if it were enforced.
    let isEnforced: Bool
    public let tests: [PolicyTest]
}

/// One entry of `tests:`.
public struct PolicyTest: Sendable {
    public let name: String
    public let range: SourceRange
    let body: Body

    enum Body: Sendable {
        /// Facts, and what is decided of them, step by step on one clock.
        case steps([TestStep])
        /// A whole session.
        case script(ConversationScript)
        /// Packets, step by step on one clock.
        case packets([PacketStep])
    }
}

/// One question to the policy.
struct TestStep: Sendable {
    var stage: Stage
    var facts: [GivenFact]
    /// How often it is asked; each time must be as expected.
    var times = 1
    /// Nanoseconds before it.
    var advance: UInt64 = 0
    var expected: Expectation
}

/// A fact as the test gives it.
struct GivenFact: Sendable {
    let field: Field
    let value: String
    let values: [String]
    let range: SourceRange
}

/// What a step expects; what is nil may be anything.
struct Expectation: Sendable {
    var action: String?
    var code: UInt16?
    var rule: String?
    /// The reply contains this.
    var reply: String?
    /// All these tags were given.
    var tags: [String]?
    /// A rule in monitor mode that would have decided.
    var monitored: String?
    /// Nanoseconds of a ban.
    var ban: UInt64?
    /// Nanoseconds.
    var delay: UInt64?
    var tarpit: UInt64?
    var range: SourceRange
}

/// A session as a script.
struct ConversationScript: Sendable {
    struct Line: Sendable {
        let kind: Kind
        /// The line of the script, from 1.
        let number: Int
    }

    enum Kind: Sendable {
        /// The whole reply has this code (nil: any); a line has each of `wanted`, none has one of `unwanted`.
        case server(code: String?, wanted: [String], unwanted: [String])
        case client(String)
        case tls
        case auth(user: String, succeeds: Bool)
        case data([String])
        /// Nanoseconds.
        case advance(UInt64)
    }

    var port: UInt16 = 587
    var listener = "test"
    /// `none`, `starttls` or `implicit`.
    var tls: String?
    var client: String = "203.0.113.1"
    var lines: [Line] = []
    var range: SourceRange
}
