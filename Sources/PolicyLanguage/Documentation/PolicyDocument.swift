internal import Policy

/// docs/POLICY.md, written from the tables that the checker reads, so that it cannot differ from what is checked.
public enum PolicyDocument {
    /// A recipe of the cookbook: the texts of its files.
    public struct Recipe: Sendable {
        public let name: String
        public let policy: String
        public let tests: String

        public init(name: String, policy: String, tests: String) {
            self.name = name
            self.policy = policy
            self.tests = tests
        }
    }

    /// The whole document, in Markdown.
    public static func text(_ recipes: [Recipe]) -> String {
        introduction + keys + stages + rules + fields + expressions + differences + files + guards + tests + commands
            + codes
            + cookbook(recipes)
    }

    // MARK: Tables

    private static var keys: String {
        "## Keys of policy.yaml\n\nAn unknown key is an error. Paths are relative to the policy's folder.\n\n"
            + tables { !$0.hasPrefix(EgressKeys.top) } + egress + tables { $0.hasPrefix(EgressKeys.top) }
    }

    /// The keys of sections, a table each.
    private static func tables(_ isShown: (String) -> Bool) -> String {
        var sections: [String] = []
        for key in PolicyKeys.all where !sections.contains(key.section) && isShown(key.section) {
            sections.append(key.section)
        }
        return sections.map { section in
            let rows = PolicyKeys.keys(of: section).map { key in
                "| `\(key.name)` | \(key.type) | \(key.meaning)\(key.isRequired ? " *(required)*" : "") |\n"
            }
            return "### \(heading(section))\n\n| key | takes | meaning |\n|---|---|---|\n\(rows.joined())\n"
        }.joined()
    }

    private static func heading(_ section: String) -> String {
        switch section {
        case "": "Top level"
        case EgressKeys.top: "Top level of an egress policy"
        default:
            section.hasPrefix(EgressKeys.top + ".")
                ? "`\(section.dropFirst(EgressKeys.top.count + 1))`" : "`\(section)`"
        }
    }

    private static let meanings: [Stage: String] = [
        .connect: "after accept and a PROXY header, before any TLS; with implicit TLS a refusal closes without a word",
        .helo: "HELO or EHLO",
        .starttls: "STARTTLS",
        .auth:
            "AUTH: the mechanism is known, no secret has been read; EHLO offers AUTH only where this stage lets it pass",
        .login: "the name that is tried is known, nothing secret has been passed on",
        .authReply: "the backend has judged the login",
        .mail: "MAIL",
        .rcpt: "each RCPT",
        .rcptReply: "the backend has judged the recipient: only drop, tag, delay, tarpit and ban are possible",
        .data: "DATA, or the first BDAT",
        .message: "the whole message has been read, the backend has not been given its end",
    ]

    private static var stages: String {
        "## Stages, in the order of a session\n\n| `at:` | asked |\n|---|---|\n"
            + Stage.allCases.map { "| `\($0.name)` | \(meanings[$0] ?? "") |\n" }.joined() + "\n"
    }

    private static var fields: String {
        var result = "## Fields\n\n"
        result += "A field without a guard always has a value where it has meaning. A guarded one, and one that needs\n"
        result += "`has(…)`, may be absent: using it without the guard to its left is an error.\n\n"
        result += "| field | type | stages | present | meaning |\n|---|---|---|---|---|\n"
        for field in Field.allCases {
            result += "| `\(field.path)` | \(field.type.name) | \(stages(of: field)) | \(presence(of: field)) |"
            result += " \(field.meaning) |\n"
        }
        result += "| `limits.NAME.remaining` | int | all | always | how many events the limit would pass now |\n\n"
        return result
    }

    private static func stages(of field: Field) -> String {
        let stages = field.stages.stages
        guard let first = stages.first else { return "" }
        if stages.count == Stage.allCases.count { return "all" }
        if field.stages == .from(first), stages.count > 1 { return "from `\(first.name)` on" }
        return stages.map { "`\($0.name)`" }.joined(separator: " ")
    }

    private static func presence(of field: Field) -> String {
        switch field.presence {
        case .always: "always"
        case .sometimes: "`has(\(field.path))`"
        case .guarded(let by, let except):
            except.first == nil
                ? "`\(by.path)`"
                : "`\(by.path)`; always at \(except.stages.map { "`\($0.name)`" }.joined(separator: " "))"
        }
    }

    private static var codes: String {
        "## Codes of findings\n\nEvery one but those of the guards has a sample in `policies/invalid/`.\n\n"
            + "| code | meaning |\n|---|---|\n"
            + YAMLCode.allCases.map { "| `\($0.rawValue)` | \($0.meaning) |\n" }.joined()
            + PolicyCode.allCases.map { "| `\($0.rawValue)` | \($0.meaning) |\n" }.joined() + "\n"
    }

    private static func cookbook(_ recipes: [Recipe]) -> String {
        var result = "## Cookbook\n\nEach recipe is a folder in `policies/cookbook/`, and its tests run with ours.\n\n"
        for recipe in recipes {
            result += "### \(recipe.name)\n\n```yaml\n\(recipe.policy)```\n\n"
        }
        return result
    }
}
