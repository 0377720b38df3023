internal import Bytes
internal import Diagnostics
internal import Policy

/// Turns a draft into the policy that is evaluated: resolves names, checks types, stages, replies and order.
///
/// Never stops at a mistake; what it answers means something only if no finding is an error.
struct RuleCompiler {
    let draft: PolicyDraft
    let source: SourceFile
    private(set) var findings: [Finding] = []
    private let listTypes: [String: ListType]
    private let emptyLists: Set<String>
    private let limits: [String: LimitDraft]
    private var usedLists: Set<String> = []
    private var usedLimits: Set<String> = []
    private var keys: [String: [Field]] = [:]

    init(_ draft: PolicyDraft, source: SourceFile) {
        self.draft = draft
        self.source = source
        listTypes = Dictionary(draft.lists.map { ($0.name, $0.type) }) { first, _ in first }
        emptyLists = Set(draft.lists.filter { $0.entries.isEmpty && !draft.brokenLists.contains($0.name) }.map(\.name))
        limits = Dictionary(draft.limits.map { ($0.name, $0) }) { first, _ in first }
    }

    /// The whole policy.
    mutating func compile(hash: String) -> PolicyDefinition {
        for limit in draft.limits { keys[limit.name] = key(of: limit) }
        var order = RuleOrder()
        var rules: [Rule] = []
        for rule in draft.rules {
            let compiled = compile(rule)
            rules += compiled.rules
            if !compiled.isFaulty {
                report(order.check(rule, compiled.condition, compiled.exception), at: rule.range)
            }
        }
        let otherwise = otherwise()
        checkUsed()
        return PolicyDefinition(
            name: draft.name, description: draft.description, mode: draft.mode,
            lists: PolicyLists.compiled(draft.lists),
            limits: draft.limits.map { definition(of: $0) }, rules: rules, otherwise: otherwise,
            allows: allows, hash: hash)
    }

    private var allows: PolicyDefinition.Acknowledgements {
        var allows = PolicyDefinition.Acknowledgements()
        allows.openRelay = draft.acknowledgements.contains(.openRelay)
        allows.unauthenticated = draft.acknowledgements.contains(.unauthenticated)
        allows.cleartextAuth = draft.acknowledgements.contains(.cleartextAuth)
        return allows
    }

    mutating func error(
        _ code: PolicyCode, _ range: SourceRange, _ message: String, hint: String? = nil, notes: [String] = []
    ) {
        findings.append(Finding(.error, code.rawValue, at: range, message, hint: hint, notes: notes))
    }

    mutating func warning(_ code: PolicyCode, _ range: SourceRange, _ message: String, hint: String? = nil) {
        findings.append(Finding(.warning, code.rawValue, at: range, message, hint: hint))
    }

    mutating func report(_ faults: [ExpressionFault], in map: ScalarMap) {
        for fault in faults {
            findings.append(
                Finding(
                    fault.severity == .error ? .error : .warning, fault.code.rawValue, at: map.range(fault.range),
                    fault.message, hint: fault.hint, notes: fault.notes))
        }
    }

    private mutating func report(_ remark: RuleOrder.Remark?, at range: SourceRange) {
        switch remark {
        case .unreachable(let rule, let line):
            error(
                .unreachable, range, "this rule is never asked: '\(rule)' in line \(line) decides always",
                hint: "move it up, or give that rule a condition")
        case .never(let reason): warning(.neverMatches, range, "this rule never matches", hint: reason)
        case .none: break
        }
    }

    private mutating func checkUsed() {
        for list in draft.lists where !draft.brokenLists.contains(list.name) && !usedLists.contains(list.name) {
            warning(.unusedName, list.range, "no rule uses list '\(list.name)'")
        }
        for limit in draft.limits where !draft.brokenLimits.contains(limit.name) && !usedLimits.contains(limit.name) {
            warning(
                .unusedName, limit.range, "no rule counts in limit '\(limit.name)'", hint: "add 'over: \(limit.name)'")
        }
    }

    // MARK: One rule

    private struct Compiled {
        var rules: [Rule]
        var condition: Expression
        var exception: Expression?
        /// Its conditions are not what was written.
        var isFaulty: Bool
    }

    func names(at stage: Stage) -> Names {
        Names(
            stage: stage, lists: listTypes, emptyLists: emptyLists, limits: keys.filter { limits[$0.key] != nil },
            broken: Set(draft.brokenLists.map { "lists." + $0 } + draft.brokenLimits.map { "limits." + $0 }))
    }

    private mutating func compile(_ rule: RuleDraft) -> Compiled {
        var known: Set<Field> = []
        let condition = checked(rule.condition, rule.stage, known)
        known.formUnion(condition?.whenTrue ?? [])
        let exception = checked(rule.exception, rule.stage, known)
        known.formUnion(exception?.whenFalse ?? [])
        for name in rule.over { checkLimit(name.name, name.range, rule.stage, known) }
        checkAction(rule)
        checkBan(rule, known)
        let template = rule.reply.map { self.template($0, rule, known) }
        let when = condition?.expression ?? .always
        return Compiled(
            rules: self.rules(rule, when, exception?.expression, template), condition: when,
            exception: exception?.expression,
            isFaulty: rule.hasBrokenCondition || isFaulty(rule.condition, condition)
                || isFaulty(rule.exception, exception))
    }

    private func isFaulty(_ draft: ExpressionDraft?, _ checked: Checked?) -> Bool {
        draft != nil && checked?.isFault != false
    }

    private mutating func checked(_ draft: ExpressionDraft?, _ stage: Stage, _ known: Set<Field>) -> Checked? {
        guard let draft else { return nil }
        noteLists(draft.syntax)
        var checker = ExpressionChecker(draft.text, names(at: stage))
        guard draft.faults.isEmpty else { return nil }
        var checked = checker.condition(draft.syntax, known: known)
        report(checker.faults, in: draft.map)
        if checker.isFaulty || checker.faults.contains(where: { $0.severity == .error }) { checked.isFault = true }
        return checked
    }

    private mutating func noteLists(_ syntax: Syntax) {
        switch syntax {
        case .name(let path, _): note(path)
        case .lookup(let path, let key, _):
            note(path)
            noteLists(key)
        case .not(let child, _): noteLists(child)
        case .logical(_, let a, let b), .comparison(_, let a, let b, _), .membership(let a, let b, _, _):
            noteLists(a)
            noteLists(b)
        case .constant, .has, .set, .fault: break
        }
    }

    private mutating func note(_ path: String) {
        let parts = path.split(separator: ".").map(String.init)
        guard parts.count > 1 else { return }
        if parts[0] == "lists" { usedLists.insert(parts[1]) }
    }

    /// The effects that go on come first, each a rule of the same name, then the action.
    private func rules(
        _ draft: RuleDraft, _ when: Expression, _ unless: Expression?, _ template: ReplyTemplate?
    ) -> [Rule] {
        var actions: [Action] = []
        if let tag = draft.tag { actions.append(.tag(tag)) }
        if let delay = draft.delay { actions.append(.delay(delay)) }
        if let tarpit = draft.tarpit { actions.append(.tarpit(tarpit)) }
        let reply = template ?? ReplyTemplate(code: 550, parts: [])
        switch draft.action {
        case .accept: actions.append(.accept)
        case .skip: actions.append(.skip)
        case .reject: actions.append(.reject(reply))
        case .defer: actions.append(.defer(reply))
        case .drop: actions.append(.drop(reply))
        case .ban: if actions.isEmpty { actions.append(.delay(0)) }
        case .tag, .delay, .tarpit: break
        }
        let last = actions.count - 1
        return actions.enumerated().map { index, action in
            Rule(
                draft.id, at: draft.stage, mode: draft.mode, when: when, unless: unless, over: draft.over.map(\.name),
                action, ban: index == last ? draft.ban : nil, notifies: index == last && draft.notifies)
        }
    }

    // MARK: Limits

    private mutating func key(of limit: LimitDraft) -> [Field] {
        limit.key.compactMap { path, range in
            if let field = Field(path: path) { return field }
            let near = Suggestion.nearest(to: path, in: Field.allCases.map(\.path))
            error(
                .unknownField, range, "unknown field '\(path)'", hint: near.map { "did you mean '\($0)'?" },
                notes: ["a key is one field or a list of fields, such as [auth.user, client.net]"])
            return nil
        }
    }

    private func definition(of limit: LimitDraft) -> LimitDefinition {
        LimitDefinition(
            name: limit.name, key: keys[limit.name] ?? [], count: limit.count, period: limit.period,
            burst: limit.burst, cost: limit.cost == .senderSize ? .field(.senderSize) : .fixed(1),
            counts: LimitDefinition.Counting(rawValue: limit.counts.rawValue) ?? .attempted,
            scope: LimitDefinition.Scope(rawValue: limit.scope.rawValue) ?? .node,
            onStoreLoss: LimitDefinition.StoreLoss(rawValue: limit.onStoreLoss.rawValue) ?? .local)
    }

    /// A limit can be counted only where every part of its key has a value.
    private mutating func checkLimit(_ name: String, _ range: SourceRange, _ stage: Stage, _ known: Set<Field>) {
        if draft.brokenLimits.contains(name), limits[name] == nil { return }
        guard let limit = limits[name] else {
            let known = draft.limits.map(\.name)
            error(
                .unknownLimit, range, "unknown limit '\(name)'",
                hint: Suggestion.nearest(to: name, in: known).map { "did you mean '\($0)'?" },
                notes: known.isEmpty ? [] : ["limits: \(known.sorted().joined(separator: " "))"])
            return
        }
        usedLimits.insert(name)
        let cost: [Field] = limit.cost == .senderSize ? [.senderIsNull] : []
        checkKey((keys[name] ?? []) + cost, ofLimit: name, range, stage, known)
    }

    mutating func checkKey(
        _ key: [Field], ofLimit name: String, _ range: SourceRange, _ stage: Stage, _ known: Set<Field>
    ) {
        for field in key {
            if !field.stages.contains(stage) {
                let shown = field == .senderIsNull ? Field.senderSize : field
                error(
                    .fieldNotAtStage, range, Presences.missing(shown, ofLimit: name, at: stage),
                    hint: "first known at stage '\(field.stages.first?.name ?? "")'")
            } else if !field.isCertain(at: stage), !known.contains(field) {
                error(
                    .unguarded, range, Presences.unguarded(field, keyOf: name),
                    hint: "add '\(Presences.advice(field))' to 'when'")
            }
        }
    }

    // MARK: The default

    /// A default counts at every stage, so nothing that some stage lacks can stand in its reply.
    private mutating func otherwise() -> PolicyDefinition.Default {
        guard !draft.isAccepting else { return .accept }
        guard let reply = draft.defaultReply else {
            return .reject(ReplyTemplate(554, "5.7.1 Refused by policy"))
        }
        return .reject(template(reply, names(at: .connect), hasLimit: false, []))
    }
}
