/// A word of an expression and where it stands, in octets of the expression's text.
struct Token: Equatable {
    enum Kind: Equatable {
        /// `tls.version`, `lists.office`, `true`: a name, dots included.
        case name(String)
        case text(String)
        /// What begins with a digit or is an address: read further by `Constant`.
        case literal(String)
        case and, or, not, inside
        case equal, unequal, less, lessOrEqual, greater, greaterOrEqual
        case matches, startsWith, endsWith, contains
        case leftParenthesis, rightParenthesis, leftBracket, rightBracket, comma
        case end
    }

    let kind: Kind
    let range: Range<Int>

    /// How it is called in "found …".
    var shown: String {
        switch kind {
        case .name(let name): "'\(name)'"
        case .text(let text): "\"\(text)\""
        case .literal(let text): "'\(text)'"
        case .and: "'and'"
        case .or: "'or'"
        case .not: "'not'"
        case .inside: "'in'"
        case .equal: "'=='"
        case .unequal: "'!='"
        case .less: "'<'"
        case .lessOrEqual: "'<='"
        case .greater: "'>'"
        case .greaterOrEqual: "'>='"
        case .matches: "'matches'"
        case .startsWith: "'startsWith'"
        case .endsWith: "'endsWith'"
        case .contains: "'contains'"
        case .leftParenthesis: "'('"
        case .rightParenthesis: "')'"
        case .leftBracket: "'['"
        case .rightBracket: "']'"
        case .comma: "','"
        case .end: "the end"
        }
    }

    /// The words that are operators.
    static let words: [String: Kind] = [
        "and": .and, "or": .or, "not": .not, "in": .inside, "matches": .matches, "startsWith": .startsWith,
        "endsWith": .endsWith, "contains": .contains,
    ]
}

/// What is wrong with an expression, at octets of its text.
struct ExpressionFault: Equatable, Sendable {
    let code: PolicyCode
    let range: Range<Int>
    let message: String
    var hint: String?
    var notes: [String] = []
    var severity = FaultSeverity.error
}

/// Whether a fault keeps the policy from loading.
enum FaultSeverity: Sendable { case error, warning }
