/// Where an expression means something else than in CEL, or is none here; docs/POLICY.md prints them, a test tries each.
public struct CELDifference: Sendable {
    /// What an example gives here.
    public enum Result: Sendable, Equatable {
        case holds, holdsNot
        case error(PolicyCode)
    }

    /// What CEL has.
    public let cel: String
    /// An expression that shows the difference, as one would write it in a policy.
    public let example: String
    public let result: Result
    public let reason: String

    private init(_ cel: String, _ example: String, _ result: Result, _ reason: String) {
        self.cel = cel
        self.example = example
        self.result = result
        self.reason = reason
    }

    public static let all: [CELDifference] = [
        CELDifference(
            "names of other letter case differ", "sender.domain == \"EXAMPLE.org.\"", .holds,
            "mail names are compared in their one form; `\"a\" == \"A\"` between plain texts is false, as in CEL"),
        CELDifference(
            "an absent value is an error when it is met", "tls.version < TLS1.2", .error(.unguarded),
            "it is found at load, so that no rule fails over it in a session"),
        CELDifference(
            "texts and truth values have an order", "\"a\" < \"b\"", .error(.typeMismatch),
            "an order of names would depend on letter case and form, and no task was found that wants one"),
        CELDifference(
            "methods: `a.startsWith(b)`", "sender.local.startsWith(\"a\")", .error(.syntax),
            "the same tests are operators: `a startsWith b`"),
        CELDifference(
            "`matches` is RE2", "\"abab\" matches \"^(ab)\\1$\"", .holds,
            "PCRE2, which Postfix's tables use; its steps, nesting and memory are bounded, and a match that takes too "
                + "long makes the rule refuse"),
        CELDifference(
            "negative numbers", "-1 < 1", .error(.badLiteral), "no field is ever negative"),
        CELDifference(
            "floating point numbers", "1.0 == 1", .error(.badLiteral), "nothing that rules compare is a fraction"),
        CELDifference(
            "unsigned numbers: `1u`", "1u == 1", .error(.badLiteral), "one kind of number, from 0 to 2^63-1, is enough"),
        CELDifference(
            "`null`", "null == null", .error(.unknownField), "`has(field)` says whether there is a value"),
        CELDifference(
            "arithmetic and joining: `a + b`", "rcpt.count + 1 > 3", .error(.syntax),
            "the right side of a comparison is a constant or a field"),
        CELDifference(
            "`a ? b : c`", "tls.active ? true : false", .error(.syntax), "two rules say it better"),
        CELDifference(
            "functions, `size(x)` among them", "size(sender.local) > 3", .error(.syntax),
            "sizes that rules need are fields"),
        CELDifference(
            "`!a == b` is `(!a) == b`", "!tls.active == auth.ok", .error(.syntax),
            "write `(not a) == b`; `not a == b` is `not (a == b)`"),
        CELDifference(
            "escapes: `\\n`, `\\u00e9`, `\\x41`; raw texts: `r\"\\.\"`", "\"\\x41\" == \"A\"", .holdsNot,
            "a backslash stands for itself but before a quote or a backslash, so patterns need no second one"),
        CELDifference(
            "lists of several types", "\"a\" in [1, \"a\"]", .error(.typeMismatch), "such a list is a mistake"),
        CELDifference(
            "lists and maps are values", "[1] == [1]", .error(.syntax),
            "they stand to the right of `in`; maps are declared in `lists:`"),
        CELDifference(
            "macros: `all`, `exists`, `map`, `filter`", "session.tags.exists(t, t == \"x\")", .error(.syntax),
            "`\"x\" in session.tags`; a rule's cost stays bounded by its length"),
    ]
}

extension PolicyDocument {
    static var differences: String {
        var text = """
            ### Beside CEL

            Expressions mean what they mean in CEL's published conformance cases, as far as both have them; a test holds them
            to it. What differs:

            | in CEL | here | gives | because |
            |---|---|---|---|

            """
        for one in CELDifference.all {
            text += "| \(cell(one.cel)) | `\(cell(one.example))` | \(shown(one.result)) | \(cell(one.reason)) |\n"
        }
        return text + "\n"
    }

    private static func cell(_ text: String) -> String {
        text.replacing("|", with: "\\|")
    }

    private static func shown(_ result: CELDifference.Result) -> String {
        switch result {
        case .holds: "true"
        case .holdsNot: "false"
        case .error(let code): code.rawValue
        }
    }
}
