internal import Bytes
internal import Diagnostics
internal import PolicyLanguage

/// Domains, names and paths.
extension PlanReader {
    /// A domain in the form in which we compare: lower case, A-labels, no final dot.
    func domain(_ node: YAMLNode, _ name: String) -> String? {
        text(node, name).flatMap { checkedDomain($0, at: node.range) }
    }

    func domain(_ pair: YAMLNode.Pair?) -> String? {
        pair.flatMap { domain($0.value, $0.key) }
    }

    private func checkedDomain(_ text: String, at range: SourceRange) -> String? {
        if let domain = DomainName.canonical(text) { return domain }
        error(.badValue, range, "'\(text)' is not a domain", hint: "letters, digits and hyphens between dots")
        return nil
    }

    /// `example.org`, or `.example.org` for what is below.
    func domainPattern(_ node: YAMLNode) -> DomainPattern? {
        guard let text = text(node, "domains") else { return nil }
        let isSuffix = text.hasPrefix(".")
        return checkedDomain(isSuffix ? String(text.dropFirst()) : text, at: node.range)
            .map { DomainPattern(name: $0, isSuffix: isSuffix) }
    }

    /// A name for SNI; the first label may be `*` (RFC 9525 §6.3).
    func certificateName(_ node: YAMLNode) -> String? {
        guard let text = text(node, "names") else { return nil }
        guard text.hasPrefix("*.") else { return checkedDomain(text, at: node.range) }
        return checkedDomain(String(text.dropFirst(2)), at: node.range).map { "*." + $0 }
    }

    /// Whether an entry's name can stand in logs and metric labels as it is.
    func checkName(_ pair: YAMLNode.Pair, _ what: String) -> Bool {
        let isPlain = pair.key.utf8.allSatisfy { ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2D || $0 == 0x5F }
        if isPlain, (1...40).contains(pair.key.utf8.count) { return true }
        error(
            .badValue, pair.keyRange, "'\(pair.key)' cannot name a \(what)",
            hint: "letters, digits, - and _; at most 40")
        return false
    }
}

// MARK: Paths

extension PlanReader {
    /// A path made absolute; what it names is not looked at.
    func path(_ pair: YAMLNode.Pair?) -> PlannedPath? {
        guard let pair, let text = text(pair) else { return nil }
        guard !text.utf8.contains(0) else {
            error(.badValue, pair.value.range, "'\(pair.key)' is not a path")
            return nil
        }
        return PlannedPath(path: FilePaths.absolute(text, in: directory), range: pair.value.range)
    }

    /// A path to a file that must be there and be readable.
    func readableFile(_ pair: YAMLNode.Pair?) -> PlannedPath? {
        guard let path = path(pair) else { return nil }
        switch checks.fileStatus(path.path) {
        case .readable: return path
        case .missing: error(.fileMissing, path.range, "no such file", hint: "looked for \(path.path)")
        case .unreadable:
            let notes = ["portreeve reads it as the user that starts it; run 'check' as that user"]
            error(.fileUnreadable, path.range, "not readable by this user", hint: path.path, notes: notes)
        case .notAFile: error(.fileUnreadable, path.range, "not a file", hint: path.path)
        }
        return nil
    }
}
