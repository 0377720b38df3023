internal import Bytes
internal import Diagnostics
internal import Policy
public import PolicyLanguage

/// A command that did not happen, as `explain` is told of it.
public struct Supposition: Sendable {
    public var listener = "test"
    public var port: UInt16 = 587
    /// Facts by their paths, such as `client.ip`; what is not given is absent.
    public var facts: [(path: String, value: String)] = []
    /// The stages to ask, by name.
    public var stages: [String] = []
    public var domains: [String] = []
    public var realm: String?

    public init() {}
}

/// Why a listener's policies would say what they say: each rule in order, with the value of every part of its
/// conditions.
public struct Explanation {
    private let policies: [LoadedPolicy]
    private let supposition: Supposition
    private let facts: Facts

    /// nil and a message if a fact cannot be read.
    public static func make(_ supposition: Supposition, _ policies: [LoadedPolicy]) -> (Explanation?, String) {
        var given: [GivenFact] = []
        for (path, value) in supposition.facts {
            guard let field = Field(path: path) else { return (nil, "unknown field '\(path)'") }
            let fact = GivenFact(field: field, value: value, values: [value], range: .file("arguments"))
            if let problem = FactSetting.problem(fact) { return (nil, problem) }
            given.append(fact)
        }
        let listener = ListenerFacts(name: supposition.listener, port: supposition.port)
        let facts = FactSetting(given, listener: listener, realm: supposition.realm).facts
        return (Explanation(policies: policies, supposition: supposition, facts: facts), "")
    }

    /// The whole text; stages after a refusal are left out.
    public func text() -> String {
        var text = ""
        let definitions = policies.map { $0.definition(ourDomains: supposition.domains) }
        let book = RuleBook(definitions, realm: realm)
        for stage in Stage.allCases where supposition.stages.contains(stage.name) {
            let decision = book.decide(stage, facts)
            text += "\(stage.name):\n"
            for (policy, definition) in zip(policies, definitions) {
                text += self.text(policy, definition, stage, decision)
            }
            text += "  => \(Outcome(decision).shown) (\(decision.rule))\n"
            if decision.verdict != .accept { break }
        }
        return text
    }

    private var realm: [UInt8]? { supposition.realm.map { Array($0.utf8) } }

    // MARK: Rules

    private func text(
        _ policy: LoadedPolicy, _ definition: PolicyDefinition, _ stage: Stage, _ decision: Decision
    ) -> String {
        var text = ""
        var shown: Set<String> = []
        for rule in definition.rules where rule.stage == stage && shown.insert(rule.id).inserted {
            let outline = policy.outline.first { $0.id == rule.id }
            let when = holds(rule.when, definition)
            let unless = rule.unless.map { holds($0, definition) } ?? false
            let mark = when && !unless ? "✓" : "✗"
            let mode = rule.mode == .enforce ? "" : " (\(rule.mode.rawValue))"
            text += "  \(mark) \(policy.name)/\(rule.id)\(mode): \(outline?.action ?? rule.action.name)\n"
            text += "      \(policy.file):\(outline?.range.line ?? 0)\n"
            if let written = outline?.when { text += parts("when", written, rule.when, definition) }
            if let written = outline?.unless, let unless = rule.unless {
                text += parts("unless", written, unless, definition)
            }
            if !rule.over.isEmpty {
                text +=
                    "      over \(rule.over.joined(separator: ", ")): counted when it holds; nothing is counted here\n"
            }
            if decision.rule == RuleID(policy: definition.name, rule: rule.id) { return text }
        }
        return text
    }

    // MARK: Parts

    /// Whether an expression holds of the facts, asked of the same engine that sessions ask.
    private func holds(_ expression: Expression, _ definition: PolicyDefinition) -> Bool {
        var policy = definition
        policy.mode = .enforce
        policy.otherwise = .accept
        policy.rules = [Rule("part", at: .connect, when: expression, .accept)]
        return RuleBook([policy], realm: realm).decide(.connect, facts).rule.rule == "part"
    }

    private func parts(
        _ key: String, _ written: String, _ expression: Expression, _ definition: PolicyDefinition
    ) -> String {
        let bytes = Array(written.utf8)
        var text = "      \(key): \(written.split(separator: "\n").joined(separator: " "))\n"
        for (part, depth) in Self.conditions(expression, 0) {
            let source = String(decoding: bytes[part.source.clamped(to: 0..<bytes.count)], as: UTF8.self)
            let indent = String(repeating: "  ", count: depth)
            let values = Self.fields(part).map { "\($0.path) = \(value($0))" }
            let tail = Self.isAtom(part) && !values.isEmpty ? "   [\(values.joined(separator: ", "))]" : ""
            text += "        \(indent)\(holds(part, definition) ? "✓" : "✗") \(source)\(tail)\n"
        }
        return text
    }

    /// The value as a reply would show it; `absent` where there is none.
    private func value(_ field: Field) -> String {
        switch field.type {
        case .bool:
            return holds(Expression(.field(field)), PolicyDefinition(name: "p", rules: [], otherwise: .accept))
                ? "true" : "false"
        case .int, .text, .ip, .cidr, .duration, .size, .tlsVersion, .rate, .words:
            let isThere = holds(Expression(.has(field)), PolicyDefinition(name: "p", rules: [], otherwise: .accept))
            guard isThere else { return "absent" }
            let text = ReplyTemplate(code: 550, parts: [.field(field)]).rendered(with: facts).text
            return text.isEmpty ? "\"\"" : String(decoding: text, as: UTF8.self)
        }
    }

    private static func isAtom(_ expression: Expression) -> Bool {
        switch expression.node {
        case .not, .and, .or: false
        case .literal, .field, .remaining, .has, .compare, .textTest, .matches, .inList, .inMap, .inItems, .inWords:
            true
        }
    }

    /// Every part that is true or false, outermost first.
    private static func conditions(_ expression: Expression, _ depth: Int) -> [(Expression, Int)] {
        switch expression.node {
        case .not(let a): [(expression, depth)] + conditions(a, depth + 1)
        case .and(let a, let b), .or(let a, let b):
            [(expression, depth)] + conditions(a, depth + 1) + conditions(b, depth + 1)
        case .literal, .field, .remaining, .has, .compare, .textTest, .matches, .inList, .inMap, .inItems, .inWords:
            [(expression, depth)]
        }
    }

    private static func fields(_ expression: Expression) -> [Field] {
        switch expression.node {
        case .field(let field), .has(let field): [field]
        case .compare(_, let a, let b), .textTest(_, let a, let b), .inMap(let a, _, let b): fields(a) + fields(b)
        case .matches(let a, _), .inList(let a, _), .inItems(let a, _): fields(a)
        case .inWords(let a, let field): fields(a) + [field]
        case .literal, .remaining, .not, .and, .or: []
        }
    }
}
