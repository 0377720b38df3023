/// One key of a YAML file of ours: what it takes, its default, what it means.
public struct FileKey: Sendable, Hashable {
    /// The section it stands in, such as `backends.NAME` or `rules[]`; empty for the top level.
    public let section: String
    public let name: String
    /// What it takes, in a few words.
    public let type: String
    /// As it would be written; nil if there is none.
    public let defaultText: String?
    public let isRequired: Bool
    public let meaning: String

    public init(
        _ section: String, _ name: String, _ type: String, default text: String? = nil, required: Bool = false,
        _ meaning: String
    ) {
        self.section = section
        self.name = name
        self.type = type
        defaultText = text
        isRequired = required
        self.meaning = meaning
    }

    /// The section and the name, joined by a dot.
    public var path: String { section.isEmpty ? name : "\(section).\(name)" }
}
