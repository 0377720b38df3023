/// The stable codes of what any YAML file of ours may get wrong as YAML.
public enum YAMLCode: String, CaseIterable, Sendable {
    case yamlSyntax = "E101"
    case duplicateKey = "E102"
    case anchorOrAlias = "E103"
    case tag = "E104"
    case mergeKey = "E105"
    case severalDocuments = "E106"
    case controlCharacter = "E107"

    /// What the code says, for the lists in the documentation.
    public var meaning: String {
        switch self {
        case .yamlSyntax: "not YAML"
        case .duplicateKey: "a key occurs twice in one mapping"
        case .anchorOrAlias: "YAML anchors and aliases are not used here"
        case .tag: "YAML tags and directives are not used here"
        case .mergeKey: "YAML merge keys are not used here"
        case .severalDocuments: "more than one YAML document in a file"
        case .controlCharacter: "a control character, or a tab that indents"
        }
    }
}
