internal import Diagnostics
internal import Policy

// Replies: which code an action may have at a stage, and what may stand between braces.
extension RuleCompiler {
    /// Octets of a reply's text that the session's id, the code and CRLF leave of 512.
    private static let longestText = 480

    mutating func checkAction(_ rule: RuleDraft) {
        checkStage(rule)
        let needsReply = rule.action == .reject || rule.action == .defer || rule.action == .drop
        if let reply = rule.reply {
            if needsReply {
                checkClass(reply, rule)
            } else {
                error(
                    .conflict, reply.range, "action '\(rule.action.rawValue)' has no reply", hint: "remove it")
            }
        } else if needsReply, !rule.hasBrokenReply {
            error(
                .missingKey, rule.actionRange, "action '\(rule.action.rawValue)' needs 'reply'",
                hint: "such as reply: \"\(Self.example(rule))\"")
        }
    }

    /// Only who has logged in can be held: whoever merely tries a name must not be able to shut out its owner.
    mutating func checkBan(_ rule: RuleDraft, _ known: Set<Field>) {
        guard rule.ban?.target == .user else { return }
        if !Field.authDistinctNets.stages.contains(rule.stage) {
            error(
                .actionNotAtStage, rule.banRange, "a user cannot be banned at stage '\(rule.stage.name)'",
                hint: "nobody has logged in yet: use 'at: mail' or a later stage")
        } else if !known.contains(.authUser) {
            error(.unguarded, rule.banRange, "a ban of the user needs a login", hint: "add 'auth.ok' to 'when'")
        }
    }

    private static func example(_ rule: RuleDraft) -> String {
        switch (rule.action, rule.stage) {
        case (.reject, .connect): "554 5.7.1 No service for {client.ip}"
        case (.defer, .auth), (.defer, .login): "454 4.7.0 Try again later"
        case (.defer, _): "450 4.7.1 Try again later"
        case (.drop, _): "421 4.7.0 Goodbye"
        case _: "550 5.7.1 Not allowed here"
        }
    }

    private mutating func checkStage(_ rule: RuleDraft) {
        switch (rule.stage, rule.action) {
        case (.rcptReply, .accept), (.rcptReply, .skip), (.rcptReply, .reject), (.rcptReply, .defer):
            error(
                .actionNotAtStage, rule.actionRange,
                "action '\(rule.action.rawValue)' is not possible at stage 'rcpt_reply'",
                hint: "the backend has the recipient already",
                notes: ["actions at stage 'rcpt_reply': drop tag tarpit delay ban"])
        case (.connect, .defer):
            error(
                .actionNotAtStage, rule.actionRange, "action 'defer' is not possible at stage 'connect'",
                hint: "use 'action: drop' with a 421 reply")
        case _: break
        }
    }

    /// RFC 5321 §4.2.1, and what each stage can say.
    private mutating func checkClass(_ reply: ReplyDraft, _ rule: RuleDraft) {
        let code = reply.code
        let range = codeRange(reply)
        switch rule.action {
        case .reject where rule.stage == .connect:
            if code != 554 { complain(rule, "a 554 reply at stage 'connect'", code, range, "use 554") }
        case .reject where code / 100 != 5 || code == 521:
            complain(rule, "a 5xx reply", code, range, Self.advice(.reject, code))
        case .defer where rule.stage == .auth || rule.stage == .login:
            if code != 454 { complain(rule, "a 454 reply at stage '\(rule.stage.name)'", code, range, "use 454") }
        case .defer where code / 100 != 4 || code == 421:
            complain(rule, "a 4xx reply", code, range, Self.advice(.defer, code))
        case .drop where code / 100 != 5 && code != 421:
            complain(rule, "a 421 or 5xx reply", code, range, "use 421")
        case .accept, .skip, .reject, .defer, .drop, .tag, .delay, .tarpit, .ban: break
        }
    }

    private mutating func complain(
        _ rule: RuleDraft, _ needed: String, _ code: UInt16, _ range: SourceRange, _ hint: String
    ) {
        error(
            .replyClass, range, "action '\(rule.action.rawValue)' needs \(needed), found \(code)", hint: hint)
    }

    private static func advice(_ action: RuleDraft.Action, _ code: UInt16) -> String {
        switch (action, code) {
        case (.reject, 521): "521 closes: use 'action: drop', or another 5xx code"
        case (.reject, 421): "use 'action: drop', or a 5xx code"
        case (.reject, 400..<500): "use 'action: defer', or a 5xx code"
        case (.defer, 421): "421 closes: use 'action: drop', or another 4xx code"
        case (.defer, 500..<600): "use 'action: reject', or a 4xx code"
        case _: "use a \(action == .defer ? "4xx" : "5xx") code"
        }
    }

    private func codeRange(_ reply: ReplyDraft) -> SourceRange {
        source.range(at: reply.range.offset, length: 3)
    }

    // MARK: Placeholders

    mutating func template(_ reply: ReplyDraft, _ rule: RuleDraft, _ known: Set<Field>) -> ReplyTemplate {
        template(reply, names(at: rule.stage), hasLimit: !rule.over.isEmpty, known)
    }

    mutating func template(
        _ reply: ReplyDraft, _ names: Names, hasLimit: Bool, _ known: Set<Field>
    ) -> ReplyTemplate {
        let text = Array(reply.text.utf8)
        var parts: [ReplyTemplate.Part] = []
        var plain: [UInt8] = []
        var index = 0
        while index < text.count {
            guard text[index] == UInt8(ascii: "{") else {
                plain.append(text[index])
                index += 1
                continue
            }
            let end = text[index...].firstIndex(of: UInt8(ascii: "}")) ?? text.count
            let octets = (index + reply.textOffset)..<(min(end + 1, text.count) + reply.textOffset)
            let name = String(decoding: text[(index + 1)..<end], as: UTF8.self)
            if end == text.count {
                error(.unknownPlaceholder, reply.map.range(octets), "'{' is not closed", hint: "write {client.ip}")
            } else if let part = placeholder(name, reply.map.range(octets), names, hasLimit, known) {
                if !plain.isEmpty { parts.append(.text(plain)) }
                plain = []
                parts.append(part)
            }
            index = end + 1
        }
        if !plain.isEmpty { parts.append(.text(plain)) }
        checkLength(text.count, reply)
        return ReplyTemplate(code: reply.code, parts: parts)
    }

    private mutating func checkLength(_ length: Int, _ reply: ReplyDraft) {
        guard length > Self.longestText else { return }
        error(
            .replyTooLong, reply.range, "the reply has \(length) octets behind its code",
            hint: "at most \(Self.longestText), so that the line fits 512 (RFC 5321 §4.5.3.1.5)")
    }

    private mutating func placeholder(
        _ name: String, _ range: SourceRange, _ names: Names, _ hasLimit: Bool, _ known: Set<Field>
    ) -> ReplyTemplate.Part? {
        if name == "limit.retry_after" {
            if !hasLimit {
                error(
                    .unknownPlaceholder, range, "'{limit.retry_after}' exists only in a rule with 'over'",
                    hint: "remove it")
            }
            return .retryAfter
        }
        switch names.meaning(of: name, at: 0..<0) {
        case .remaining(let limit, let key):
            checkKey(key, ofLimit: limit, range, names.stage, known)
            return .remaining(limit: limit)
        case .broken: return nil
        case .field, .list, .fault: break
        }
        guard let field = Field(path: name) else {
            let near = Suggestion.nearest(
                to: name, in: Field.allCases.map(\.path) + ["limit.retry_after"] + names.remainders)
            error(
                .unknownPlaceholder, range, "unknown placeholder '{\(name)}'",
                hint: near.map { "did you mean '{\($0)}'?" })
            return nil
        }
        if !field.stages.contains(names.stage) {
            error(
                .fieldNotAtStage, range, "'\(field.path)' has no meaning at stage '\(names.stage.name)'",
                hint: "first known at stage '\(field.stages.first?.name ?? "")'")
        } else if !field.isCertain(at: names.stage), !known.contains(field) {
            error(
                .unguarded, range, "'\(field.path)' may be absent",
                hint: "add '\(Presences.advice(field))' to 'when'")
        }
        return .field(field)
    }
}
