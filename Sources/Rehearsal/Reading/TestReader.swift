internal import Bytes
public import Diagnostics
internal import Policy
internal import PolicyLanguage

/// What came of a tests.yaml: tests if it has no error, and everything that was found.
public struct TestReading: Sendable {
    /// Nil if `findings` has an error.
    public var file: PolicyTestFile?
    public var findings: [Finding]
    public var sources: [SourceFile]
}

/// Reads tests.yaml; all mistakes in one run.
public final class TestReader {
    /// The file beside a policy.
    public static let fileName = "tests.yaml"
    /// More tests than this are generated, and belong into several files.
    static let mostTests = 5000

    let source: SourceFile
    let document: YAMLDocument
    var findings = FindingCollector()

    private init(_ source: SourceFile) {
        self.source = source
        document = YAMLDocument(source)
        document.findings.forEach { findings.add($0) }
    }

    /// Reads a text; `name` stands in findings.
    public static func read(text: String, name: String) -> TestReading {
        let reader = TestReader(SourceFile(name: name, text: text))
        let file = reader.file()
        return TestReading(
            file: reader.findings.hasErrors ? nil : file, findings: reader.findings.sorted, sources: [reader.source])
    }

    func error(_ code: PolicyCode, _ range: SourceRange, _ message: String, hint: String? = nil) {
        findings.add(Finding(.error, code.rawValue, at: range, message, hint: hint))
    }

    // MARK: The file

    private func file() -> PolicyTestFile? {
        guard let root = document.root, !root.isEmpty else {
            if !findings.hasErrors { error(.missingKey, .file(source.name), "the file is empty") }
            return nil
        }
        let top = keys(root, ["version", "policy", "domains", "realm", "mode", "tests"], "the tests")
        for needed in ["version", "policy", "tests"] where top[needed] == nil {
            error(.missingKey, .file(source.name), "the tests need '\(needed)'")
        }
        if let version = top["version"], let text = text(version), text != "1" {
            error(.badValue, version.value.range, "version '\(text)' is not known")
        }
        let domains = top["domains"].map { strings($0.value) } ?? ["example.org"]
        let tests = top["tests"].map { items($0).compactMap(test) } ?? []
        if tests.count > Self.mostTests, let pair = top["tests"] {
            error(.outOfRange, pair.keyRange, "more than \(Self.mostTests) tests", hint: "use several files")
        }
        var seen: Set<String> = []
        for test in tests where !seen.insert(test.name).inserted {
            error(.duplicateName, test.range, "two tests are called '\(test.name)'")
        }
        return PolicyTestFile(
            policy: top["policy"].flatMap { text($0) } ?? "", domains: domains,
            realm: top["realm"].flatMap { text($0) }, isEnforced: top["mode"].map(isEnforce) ?? false, tests: tests)
    }

    /// `mode: enforce` judges a policy of kind egress as it will be once it no longer monitors.
    private func isEnforce(_ pair: YAMLNode.Pair) -> Bool {
        guard let text = text(pair) else { return false }
        if text != "enforce" { error(.badValue, pair.value.range, "'mode' can only be enforce here") }
        return true
    }

    private func test(_ node: YAMLNode) -> PolicyTest? {
        let known = ["name", "at", "facts", "expect", "steps", "listener", "client", "script", "packet"]
        let keys = keys(node, known, "a test")
        guard let name = keys["name"], let title = text(name) else {
            error(.missingKey, node.range, "a test needs 'name'")
            return nil
        }
        if let script = keys["script"] {
            for other in ["at", "facts", "expect", "steps"] where keys[other] != nil {
                error(.conflict, script.keyRange, "a test has 'script' or '\(other)'")
            }
            return conversation(script, keys).map {
                PolicyTest(name: title, range: name.value.range, body: .script($0))
            }
        }
        if let packet = keys["packet"] {
            for other in ["at", "facts"] where keys[other] != nil {
                error(.conflict, packet.keyRange, "a test has 'packet' or '\(other)'")
            }
            return packets(packet, keys).map {
                PolicyTest(name: title, range: name.value.range, body: .packets($0))
            }
        }
        return steps(keys, at: name.value.range).map {
            PolicyTest(name: title, range: name.value.range, body: .steps($0))
        }
    }

    // MARK: Steps

    private func steps(_ keys: [String: YAMLNode.Pair], at range: SourceRange) -> [TestStep]? {
        guard let at = keys["at"], let stage = stage(at) else {
            if keys["at"] == nil { error(.missingKey, range, "a test needs 'at' or 'script'") }
            return nil
        }
        let facts = keys["facts"].map { self.facts($0, stage) } ?? []
        guard let steps = keys["steps"] else {
            guard let expect = keys["expect"] else {
                error(.missingKey, range, "a test needs 'expect' or 'steps'")
                return nil
            }
            return [TestStep(stage: stage, facts: facts, expected: expectation(expect))]
        }
        if let extra = keys["expect"] {
            error(.conflict, extra.keyRange, "a test with 'steps' has 'expect' in each step")
        }
        return items(steps).compactMap { step($0, stage, facts) }
    }

    private func step(_ node: YAMLNode, _ stage: Stage, _ facts: [GivenFact]) -> TestStep? {
        let keys = keys(node, ["repeat", "advance", "at", "facts", "expect"], "a step")
        guard let expect = keys["expect"] else {
            error(.missingKey, node.range, "a step needs 'expect'")
            return nil
        }
        let stage = keys["at"].flatMap { self.stage($0) } ?? stage
        let own = keys["facts"].map { self.facts($0, stage) } ?? []
        let merged = facts.filter { fact in !own.contains { $0.field == fact.field } } + own
        var step = TestStep(stage: stage, facts: merged, expected: expectation(expect))
        step.times = keys["repeat"].flatMap { times($0) } ?? 1
        step.advance = keys["advance"].flatMap { duration($0) } ?? 0
        return step
    }

    /// How often a step is asked.
    func times(_ pair: YAMLNode.Pair) -> Int? {
        guard let text = text(pair) else { return nil }
        if let count = Units.number(text), (1...100_000).contains(count) { return Int(clamping: count) }
        error(.outOfRange, pair.value.range, "'repeat' is a number from 1 to 100000")
        return nil
    }

    private func stage(_ pair: YAMLNode.Pair) -> Stage? {
        guard let text = text(pair) else { return nil }
        if let stage = Stage.allCases.first(where: { $0.name == text }) { return stage }
        let names = Stage.allCases.map(\.name)
        error(
            .badValue, pair.value.range, "unknown stage '\(text)'",
            hint: Suggestion.nearest(to: text, in: names).map { "did you mean '\($0)'?" })
        return nil
    }

    private func facts(_ pair: YAMLNode.Pair, _ stage: Stage) -> [GivenFact] {
        guard case .mapping(let pairs) = pair.value.value else {
            error(.wrongType, pair.value.range, "'facts' is a mapping, FIELD to value")
            return []
        }
        return pairs.compactMap { pair in
            guard let field = Field(path: pair.key) else {
                let near = Suggestion.nearest(to: pair.key, in: Field.allCases.map(\.path))
                error(
                    .unknownField, pair.keyRange, "unknown field '\(pair.key)'",
                    hint: near.map { "did you mean '\($0)'?" })
                return nil
            }
            let values = strings(pair.value)
            let fact = GivenFact(field: field, value: values.first ?? "", values: values, range: pair.value.range)
            if let problem = FactSetting.problem(fact) {
                error(.badValue, pair.value.range, problem)
                return nil
            }
            return fact
        }
    }

    private func expectation(_ pair: YAMLNode.Pair) -> Expectation {
        var expected = Expectation(range: pair.keyRange)
        let known = ["action", "code", "rule", "reply", "tags", "monitored", "ban", "delay", "tarpit"]
        let keys = keys(pair.value, known, "'expect'")
        if let action = keys["action"], let text = text(action) {
            let actions = ["accept", "reject", "defer", "drop"]
            if !actions.contains(text) {
                error(
                    .badValue, action.value.range, "a decision is one of \(actions.joined(separator: ", "))",
                    hint: Suggestion.nearest(to: text, in: actions).map { "did you mean '\($0)'?" })
            }
            expected.action = text
        }
        if let code = keys["code"], let text = text(code) {
            expected.code = Units.number(text).flatMap { UInt16(exactly: $0) }
            if expected.code == nil { error(.badValue, code.value.range, "'\(text)' is not a reply code") }
        }
        expected.rule = keys["rule"].flatMap { text($0) }
        expected.reply = keys["reply"].flatMap { text($0) }
        expected.tags = keys["tags"].map { strings($0.value) }
        expected.monitored = keys["monitored"].flatMap { text($0) }
        expected.ban = keys["ban"].flatMap { duration($0) }
        expected.delay = keys["delay"].flatMap { duration($0) }
        expected.tarpit = keys["tarpit"].flatMap { duration($0) }
        return expected
    }
}
