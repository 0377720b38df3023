internal import Diagnostics
internal import Policy

/// `rules:`.
extension PolicyReader {
    /// Longer policies are generated, and then a list serves better.
    private static let mostRules = 5000
    /// The longest wait that a rule can ask for, nanoseconds.
    private static let longestWait: UInt64 = 60_000_000_000
    private static let second: UInt64 = 1_000_000_000

    func rules(_ pair: YAMLNode.Pair?) -> [RuleDraft] {
        guard let pair else { return [] }
        let items = list(pair)
        if items.count > Self.mostRules {
            error(.outOfRange, pair.keyRange, "more than \(Self.mostRules) rules", hint: "put values into lists")
            return []
        }
        let rules = items.compactMap(rule)
        var seen: [String: SourceRange] = [:]
        for rule in rules {
            if let first = seen[rule.id] {
                error(
                    .duplicateName, rule.range, "rule id '\(rule.id)' is used twice",
                    hint: "first used in line \(first.line)")
            } else {
                seen[rule.id] = rule.range
            }
        }
        return rules
    }

    private func rule(_ node: YAMLNode) -> RuleDraft? {
        let section = section(node, "rules[]", shown: "a rule", at: node.range)
        guard section.isReadable else { return nil }
        let id = text(section["id"]).flatMap { name($0, "rule", at: section["id"]?.value.range ?? node.range) }
        if id == "default", let pair = section["id"] {
            error(.badValue, pair.value.range, "'default' names what happens when no rule was decisive")
        }
        let stage = stage(section["at"])
        let condition = expression(section["when"])
        let exception = expression(section["unless"])
        let over = distinct(section["over"])
        let reply = reply(section["reply"])
        let mode = choice(section["mode"], of: [Mode.enforce, .monitor, .disabled]) ?? .enforce
        let ban = ban(section["ban"])
        let action = action(section)
        guard let id, let stage, let action else { return nil }
        return RuleDraft(
            id: id, range: section["id"]?.value.range ?? node.range, stage: stage, mode: mode, condition: condition,
            exception: exception,
            hasBrokenCondition: (section["when"] != nil && condition == nil)
                || (section["unless"] != nil && exception == nil),
            over: over, actionRange: action.range, action: action.value, reply: reply,
            hasBrokenReply: reply == nil && section["reply"] != nil,
            tag: text(section["tag"]).flatMap { name($0, "tag", at: section["tag"]?.value.range ?? node.range) },
            delay: wait(section["delay"]), tarpit: wait(section["tarpit"]), ban: ban?.ban,
            banRange: ban?.range ?? section.range, notifies: flag(section["notify"]) ?? false)
    }

    private func stage(_ pair: YAMLNode.Pair?) -> Stage? {
        guard let pair, let text = text(pair) else { return nil }
        if let stage = Stage.allCases.first(where: { $0.name == text }) { return stage }
        reportChoice(pair, text, Stage.allCases.map(\.name))
        return nil
    }

    func expression(_ pair: YAMLNode.Pair?) -> ExpressionDraft? {
        guard let pair, let text = text(pair) else { return nil }
        let map = document.map(pair.value)
        let (syntax, faults) = ExpressionParser.parse(text)
        report(faults, in: map)
        return ExpressionDraft(text: text, map: map, syntax: syntax, faults: faults)
    }

    private func wait(_ pair: YAMLNode.Pair?) -> UInt64? {
        duration(pair, in: 1_000_000...Self.longestWait)
    }

    private func ban(_ pair: YAMLNode.Pair?) -> (ban: Ban, range: SourceRange)? {
        guard let pair else { return nil }
        let section = section(pair.value, "rules[].ban", shown: "'ban'", at: pair.keyRange)
        let target = choice(section["what"], of: BanTarget.allCases) ?? .client
        guard let duration = duration(section["for"], in: Self.second...(365 * 86_400 * Self.second)) else {
            return nil
        }
        return (Ban(duration: duration, target: target), section["what"]?.value.range ?? pair.keyRange)
    }

    /// What the rule does: `action:`, or one of the keys that say it alone.
    private func action(_ section: Section) -> (value: RuleDraft.Action, range: SourceRange)? {
        if let pair = section["action"] {
            guard let action = choice(pair, of: RuleDraft.Action.allCases) else { return nil }
            let needed: [RuleDraft.Action] = [.tag, .delay, .tarpit, .ban]
            if needed.contains(action), section[action.rawValue] == nil {
                error(
                    .missingKey, pair.value.range, "action '\(action.rawValue)' needs '\(action.rawValue):'",
                    hint: "such as '\(Self.example(action))'")
            }
            return (action, pair.value.range)
        }
        for action in [RuleDraft.Action.tag, .delay, .tarpit, .ban] {
            if let pair = section[action.rawValue] { return (action, pair.keyRange) }
        }
        error(
            .missingKey, section.range, "a rule needs 'action'",
            notes: ["actions: \(RuleDraft.Action.allCases.map(\.rawValue).joined(separator: " "))"])
        return nil
    }

    private static func example(_ action: RuleDraft.Action) -> String {
        switch action {
        case .tag: "tag: NAME"
        case .delay: "delay: 5s"
        case .tarpit: "tarpit: 2s"
        case .ban: "ban: { for: 30min }"
        case .accept, .skip, .reject, .defer, .drop: "action: \(action.rawValue)"
        }
    }
}
