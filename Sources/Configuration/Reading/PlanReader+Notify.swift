internal import Diagnostics
internal import Policy
internal import PolicyLanguage

/// `notify:`.
extension PlanReader {
    func notify(_ pair: YAMLNode.Pair?, _ backends: [BackendPlan]) -> NotifyPlan? {
        guard let pair else { return nil }
        let section = section(pair.value, "notify", shown: "'notify'", at: pair.keyRange)
        guard section.isReadable else { return nil }
        let mail = section["mail"].map(addresses) ?? []
        if section["webhook"] == nil, section["mail"] == nil {
            error(.missingKey, pair.keyRange, "'notify' needs 'webhook' or 'mail'")
        }
        return NotifyPlan(
            webhook: url(section["webhook"]), mail: mail, backend: backend(section["backend"], backends),
            rate: rate(section["rate"], atMost: 1_000_000) ?? NotifyPlan.defaultRate)
    }

    /// `https://HOST/PATH` in printable ASCII.
    func url(_ pair: YAMLNode.Pair?) -> String? {
        guard let pair, let text = text(pair) else { return nil }
        let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && text.utf8.count <= 2048
        let host = ["https://", "http://"].first(where: text.hasPrefix).map { text.dropFirst($0.count) }
        if isPlain, let host, let first = host.first, first != "/" { return text }
        error(.badValue, pair.value.range, "'\(pair.key)' cannot be '\(text)'", hint: "https://HOST/PATH")
        return nil
    }

    private func backend(_ pair: YAMLNode.Pair?, _ backends: [BackendPlan]) -> String {
        guard let pair, let name = text(pair) else { return backends.first?.name ?? "" }
        if !backends.contains(where: { $0.name == name }) {
            error(
                .unknownName, pair.value.range, "unknown backend '\(name)'",
                hint: Suggestion.nearest(to: name, in: backends.map(\.name)).map { "did you mean '\($0)'?" })
        }
        return name
    }

    private func addresses(_ pair: YAMLNode.Pair) -> [String] {
        let nodes: [YAMLNode] = if case .sequence(let items) = pair.value.value { items } else { [pair.value] }
        return nodes.compactMap { node in
            guard let text = text(node, "mail") else { return nil }
            let parts = text.split(separator: "@", omittingEmptySubsequences: false)
            let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !Self.forbiddenInAddresses.contains($0) }
            if parts.count == 2, parts.allSatisfy({ !$0.isEmpty }), isPlain, text.utf8.count <= 254 { return text }
            error(.badValue, node.range, "'\(text)' is not an address", hint: "such as postmaster@example.org")
            return nil
        }
    }

    /// They would need quotes in a command or a header.
    private static let forbiddenInAddresses = Array("\"<>(),:;[]\\".utf8)
}
