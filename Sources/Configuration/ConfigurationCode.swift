internal import PolicyLanguage

/// The stable codes of everything that this module finds.
///
/// E101 to E107 are `YAMLCode`, of every YAML file of ours; E50x to E53x is what portreeve.yaml may get wrong.
public enum ConfigurationCode: String, CaseIterable, Sendable {
    case unreadableText = "E108"

    case unknownKey = "E501"
    case missingKey = "E502"
    case wrongType = "E503"
    case badValue = "E504"
    case outOfRange = "E505"
    case notInThisVersion = "E506"
    case unknownName = "E507"
    case duplicateName = "E508"
    case conflict = "E509"

    case duplicateEndpoint = "E510"
    case policyRequired = "E511"
    case certificateRequired = "E512"
    case cleartextLogin = "E513"
    case unverifiable = "E514"

    case fileMissing = "E520"
    case fileUnreadable = "E521"
    case certificate = "E522"
    case endpointUnavailable = "E530"

    case identityNone = "W510"
    case unusedName = "W511"
    case interceptsNothing = "W512"
    case cleartextStore = "W513"
    case certificateWarning = "W522"

    /// What the code says, for the list in the documentation.
    public var meaning: String {
        switch self {
        case .unreadableText: "not UTF-8, or too long"
        case .unknownKey: "unknown key"
        case .missingKey: "a key that must be given is missing"
        case .wrongType: "a list, mapping or single value where another is expected"
        case .badValue: "a value that cannot be read"
        case .outOfRange: "a number, size, duration or rate outside its range"
        case .notInThisVersion: "a part that this build does not have"
        case .unknownName: "no backend or policy has that name"
        case .duplicateName: "a name is used twice"
        case .conflict: "keys that exclude or need each other"
        case .duplicateEndpoint: "two listeners want the same address and port"
        case .policyRequired: "a listener must name its policies"
        case .certificateRequired: "TLS is wanted and there is no certificate"
        case .cleartextLogin: "logins would go over the network without TLS"
        case .unverifiable: "a certificate cannot be verified against an address"
        case .fileMissing: "a file does not exist"
        case .fileUnreadable: "a file cannot be read"
        case .endpointUnavailable: "a port cannot be listened on"
        case .certificate: "a certificate or key cannot be used"
        case .identityNone: "the backend will not know who the client is"
        case .unusedName: "nothing uses this backend"
        case .interceptsNothing: "no zone is intercepted for this listener"
        case .cleartextStore: "the password of the shared store would go over the network without TLS"
        case .certificateWarning: "a certificate needs attention"
        }
    }
}
