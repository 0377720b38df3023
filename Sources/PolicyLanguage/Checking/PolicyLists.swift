internal import Policy

/// Turns drafts of lists into what is asked.
enum PolicyLists {
    static func compiled(_ drafts: [ListDraft]) -> [String: List] {
        Dictionary(drafts.map { ($0.name, compiled($0)) }) { first, _ in first }
    }

    private static func compiled(_ draft: ListDraft) -> List {
        var builder = ListBuilder(List.Kind(rawValue: draft.type.rawValue) ?? .string)
        for entry in draft.entries {
            let until = entry.until.map { Int32(clamping: $0.number) } ?? ListBuilder.never
            switch entry.value {
            case .prefix(let prefix): builder.insert(prefix, until: until)
            case .text(let text): builder.insert(text, until: until)
            case .pair(let key, let value): builder.insert(value, of: key, until: until)
            }
        }
        return builder.build()
    }
}
