internal import Diagnostics
internal import Policy

/// The whole file.
extension PolicyReader {
    /// What the file says; means something only if no error was reported.
    func draft() -> PolicyDraft? {
        guard let root = document.root, !root.isEmpty else {
            if !findings.hasErrors { error(.missingKey, .file(source.name), "the file is empty") }
            return nil
        }
        let top = section(root, "", shown: "the policy", at: .file(source.name))
        guard top.isReadable else { return nil }
        checkVersion(top["version"])
        var draft = PolicyDraft(nameRange: .file(source.name), defaultRange: .file(source.name))
        if let pair = top["policy"], let text = text(pair), let name = name(text, "policy", at: pair.value.range) {
            draft.name = name
            draft.nameRange = pair.value.range
            if name == "protocol" {
                error(.badValue, pair.value.range, "'protocol' names the checks that no policy can switch off")
            }
        }
        draft.description = top["description"].flatMap { text($0) } ?? ""
        draft.mode = choice(top["mode"], of: [Mode.enforce, .monitor, .disabled]) ?? .enforce
        draft.lists = lists(top["lists"], broken: &draft.brokenLists)
        draft.limits = limits(top["limits"], broken: &draft.brokenLimits)
        draft.rules = rules(top["rules"])
        readDefault(top, into: &draft)
        draft.acknowledgements = Set(Acknowledgement.allCases.filter { isUnderstood(top[$0.rawValue]) })
        return draft
    }

    func checkVersion(_ pair: YAMLNode.Pair?) {
        guard let pair, let text = text(pair), text != "1" else { return }
        error(.badValue, pair.value.range, "version '\(text)' is not known", hint: "this program reads version 1")
    }

    /// What kind of policy the file holds; each has keys of its own, and complaining of each would hide what is meant.
    enum Kind: String, CaseIterable { case smtp, egress }

    /// Nil for a kind that there is not, which was reported.
    func kind(_ root: YAMLNode?) -> Kind? {
        guard case .mapping(let pairs) = root?.value, let pair = pairs.first(where: { $0.key == "kind" }) else {
            return .smtp
        }
        return choice(pair, of: Kind.allCases)
    }

    private enum Default: String, CaseIterable { case accept, reject }

    private func readDefault(_ top: Section, into draft: inout PolicyDraft) {
        let reply = reply(top["default_reply"])
        guard let pair = top["default"] else { return }
        draft.defaultRange = pair.value.range
        guard let value = choice(pair, of: Default.allCases) else { return }
        draft.isAccepting = value == .accept
        draft.defaultReply = reply
        if value == .accept, let given = top["default_reply"] {
            error(.conflict, given.keyRange, "'default: accept' has no reply", hint: "remove it")
        }
        guard value == .reject, let reply else { return }
        if reply.code / 100 != 5 || reply.code == 521 {
            error(
                .replyClass, codeRange(reply), "'default: reject' needs a 5xx reply, found \(reply.code)",
                hint: "use a 5xx code")
        }
    }

    func isUnderstood(_ pair: YAMLNode.Pair?) -> Bool {
        guard let pair, let text = text(pair) else { return false }
        if text == PolicyKeys.understood { return true }
        error(
            .badValue, pair.value.range, "'\(pair.key)' must be \"\(PolicyKeys.understood)\"",
            hint: "remove it unless that is so")
        return false
    }

    /// The place of a reply's code: three characters from where the value begins.
    func codeRange(_ reply: ReplyDraft) -> SourceRange {
        source.range(at: reply.range.offset, length: 3)
    }
}
