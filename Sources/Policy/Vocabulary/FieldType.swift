/// What kind of value a field or a literal has; only like is compared with like.
public enum FieldType: Hashable, Sendable {
    case bool
    case int
    case text(NameForm)
    case ip
    case cidr
    /// Nanoseconds.
    case duration
    /// Octets.
    case size
    case tlsVersion
    /// So many in so much time; only literals have it.
    case rate
    /// `session.tags`: a set of words.
    case words

    /// The word that diagnostics and the documentation use.
    public var name: String {
        switch self {
        case .bool: "bool"
        case .int: "int"
        case .text: "string"
        case .ip: "ip"
        case .cidr: "cidr"
        case .duration: "duration"
        case .size: "size"
        case .tlsVersion: "tls version"
        case .rate: "rate"
        case .words: "set of strings"
        }
    }

    public var isText: Bool {
        if case .text = self { true } else { false }
    }

    /// Whether `<` and its like have meaning.
    public var isOrdered: Bool {
        switch self {
        case .int, .duration, .size, .tlsVersion: true
        case .bool, .text, .ip, .cidr, .rate, .words: false
        }
    }
}

/// In which canonical form a text is compared (`CanonicalName`).
public enum NameForm: String, Hashable, Sendable, CaseIterable {
    /// As it stands.
    case plain
    /// Lower case.
    case lowercased
    /// A login: lower case, completed with the backend's realm where it names no domain.
    case login
    /// `local@domain`.
    case address
    case local
    case domain

    /// `text` in this form.
    public func canonical(_ text: [UInt8], realm: [UInt8]? = nil) -> [UInt8] {
        switch self {
        case .plain: text
        case .lowercased: CanonicalName.lowercased(text)
        case .login: CanonicalName.login(text, realm: realm)
        case .address: CanonicalName.address(text)
        case .local: CanonicalName.local(text)
        case .domain: CanonicalName.domain(text)
        }
    }
}

/// When a field has a value.
public enum Presence: Hashable, Sendable {
    case always
    /// Only `has(field)` can tell.
    case sometimes
    /// Exactly when this boolean field is true; at `exceptAt` it has a value anyway.
    case guarded(by: Field, exceptAt: StageSet = [])
}

/// Some of the stages.
public struct StageSet: Hashable, Sendable, ExpressibleByArrayLiteral {
    private var bits: UInt16 = 0

    public init(arrayLiteral stages: Stage...) {
        for stage in stages { bits |= 1 << UInt16(stage.rawValue) }
    }

    /// `first` and every stage after it.
    public static func from(_ first: Stage) -> StageSet {
        var set = StageSet()
        for stage in Stage.allCases where stage.rawValue >= first.rawValue { set.insert(stage) }
        return set
    }

    public mutating func insert(_ stage: Stage) { bits |= 1 << UInt16(stage.rawValue) }

    public func contains(_ stage: Stage) -> Bool { bits & 1 << UInt16(stage.rawValue) != 0 }

    /// In the order of a session.
    public var stages: [Stage] { Stage.allCases.filter(contains) }

    public var first: Stage? { Stage.allCases.first(where: contains) }
}
