internal import Policy

/// Whether an outsider can get through one stage of a listener's policies, whatever he chooses.
///
/// Each atom whose value he may choose is a variable; all combinations of few variables are tried. With many, a
/// refusal counts only where it is certain, which errs towards refusing to load.
struct StagePassage {
    private static let mostVariables = 10

    /// A policy that decides, and what an outsider's address may be in.
    struct Asked {
        let definition: PolicyDefinition
        let wideLists: Set<String>
    }

    /// An atom of one policy: lists of the same name in another are others.
    private struct Variable {
        let policy: Int
        let atom: Expression
    }

    let policies: [Asked]
    let stage: Stage

    /// Policies and rules in monitor mode decide nothing.
    init(_ policies: [Asked], at stage: Stage) {
        self.policies = policies.filter { $0.definition.mode != .disabled }
        self.stage = stage
    }

    /// The rule that lets him through; nil if he is refused in every case.
    func passage(of outsider: Outsider) -> RuleID? {
        var variables: [Variable] = []
        for (index, rule) in rules() {
            let outsider = self.outsider(outsider, in: index)
            collect(rule.when, outsider, index, &variables)
            if let unless = rule.unless { collect(unless, outsider, index, &variables) }
        }
        guard variables.count <= Self.mostVariables else { return decide(outsider) { _, _ in nil } }
        for choice in 0..<(1 << variables.count) {
            let passage = decide(outsider) { policy, atom in
                variables.firstIndex { $0.policy == policy && $0.atom.hasSameMeaning(as: atom) }
                    .map { choice >> $0 & 1 == 1 }
            }
            if let passage { return passage }
        }
        return nil
    }

    /// The tags that rules of this stage may give him.
    func tags(of outsider: Outsider) -> Set<String> {
        var tags: Set<String> = []
        for (index, rule) in rules() {
            guard case .tag(let tag) = rule.action else { continue }
            if holds(rule, self.outsider(outsider, in: index), { _ in nil }) != false { tags.insert(tag) }
        }
        return tags
    }

    private func rules() -> [(Int, Rule)] {
        policies.enumerated().flatMap { index, policy in
            Self.enforced(policy.definition, at: stage).map { (index, $0) }
        }
    }

    private static func enforced(_ policy: PolicyDefinition, at stage: Stage) -> [Rule] {
        policy.rules.filter { $0.stage == stage && policy.mode(of: $0) == .enforce }
    }

    private func outsider(_ outsider: Outsider, in policy: Int) -> Outsider {
        var result = outsider
        result.lists = policies[policy].definition.lists
        result.wideLists = policies[policy].wideLists
        return result
    }

    private func decide(_ outsider: Outsider, _ choice: (Int, Expression) -> Bool?) -> RuleID? {
        for (index, asked) in policies.enumerated() {
            let policy = asked.definition
            let outsider = self.outsider(outsider, in: index)
            rules: for rule in Self.enforced(policy, at: stage) {
                let holds = holds(rule, outsider) { choice(index, $0) }
                switch rule.action {
                case .accept:
                    if holds != false { return RuleID(policy: policy.name, rule: rule.id) }
                case .reject, .defer, .drop:
                    if holds == true { return nil }
                case .skip:
                    if holds != false { break rules }
                case .tag, .delay, .tarpit: break
                }
            }
        }
        for asked in policies where asked.definition.mode == .enforce {
            if case .reject = asked.definition.otherwise { return nil }
        }
        return policies.last.map { RuleID.defaultRule(of: $0.definition.name) } ?? .builtIn("no-policy")
    }

    /// A rule with `over:` holds only once a limit is used up: nobody is kept out by that the first time.
    private func holds(_ rule: Rule, _ outsider: Outsider, _ choice: (Expression) -> Bool?) -> Bool? {
        let when = value(rule.when, outsider, choice)
        let unless = rule.unless.map { value($0, outsider, choice) } ?? false
        if when == false || unless == true { return false }
        guard rule.over.isEmpty, when == true, unless == false else { return nil }
        return true
    }

    private func value(_ expression: Expression, _ outsider: Outsider, _ choice: (Expression) -> Bool?) -> Bool? {
        switch expression.node {
        case .not(let a): return value(a, outsider, choice).map { !$0 }
        case .and(let a, let b):
            let (left, right) = (value(a, outsider, choice), value(b, outsider, choice))
            if left == false || right == false { return false }
            return left == true && right == true ? true : nil
        case .or(let a, let b):
            let (left, right) = (value(a, outsider, choice), value(b, outsider, choice))
            if left == true || right == true { return true }
            return left == false && right == false ? false : nil
        case .literal, .field, .remaining, .has, .compare, .textTest, .matches, .inList, .inMap, .inItems, .inWords:
            return outsider.value(expression) ?? choice(expression)
        }
    }

    private func collect(
        _ expression: Expression, _ outsider: Outsider, _ policy: Int, _ variables: inout [Variable]
    ) {
        switch expression.node {
        case .not(let a): collect(a, outsider, policy, &variables)
        case .and(let a, let b), .or(let a, let b):
            collect(a, outsider, policy, &variables)
            collect(b, outsider, policy, &variables)
        case .literal, .field, .remaining, .has, .compare, .textTest, .matches, .inList, .inMap, .inItems, .inWords:
            guard variables.count <= Self.mostVariables, outsider.value(expression) == nil,
                !variables.contains(where: { $0.policy == policy && $0.atom.hasSameMeaning(as: expression) })
            else { return }
            variables.append(Variable(policy: policy, atom: expression))
        }
    }
}
