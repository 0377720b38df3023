/// The facts that policies can name; `row` says everything about each.
///
/// `limits.NAME.remaining` and `limit.retry_after` are not here: they belong to a policy's own names.
public enum Field: UInt8, CaseIterable, Hashable, Sendable {
    case clientIP, clientNet, clientPort, clientName, clientTalkedEarly, clientProtocolErrors
    case listenerName, listenerPort
    case heloName, heloIsIPLiteral
    case tlsActive, tlsVersion, tlsCipher, tlsSNI, tlsResumed
    case clientCertVerified, clientCertSubject, clientCertFingerprint
    case authOK, authUser, authDomain, authMechanism, authLogin, authResult, authFailures
    case authKnownNet, authRepeated
    case authDistinctNets, authRecipients, authRejectedPercent, authVolumePercent
    case senderAddress, senderLocal, senderDomain, senderIsNull, senderSize, senderSMTPUTF8, senderBody
    case rcptAddress, rcptLocal, rcptDomain, rcptHasRouting, rcptCount, rcptRejected
    case backendCode
    case messageSize, messageHasBareLF, messageHasBareCR, messageHasNUL, messageReceivedCount, messageLineMax
    case fromHeaderCount, fromHeaderAddress, fromHeaderDomain, messageSubject
    case sessionMessages, sessionCommands, sessionAge, sessionTags
    case nowHour, nowWeekday

    /// The name in policy files, such as `tls.client_cert.subject`.
    public var path: String { row.path }
    public var type: FieldType { row.type }
    /// Where it has meaning.
    public var stages: StageSet { row.stages }
    public var presence: Presence { row.presence }
    /// One line for the documentation.
    public var meaning: String { row.meaning }

    /// Whether its value depends on what the backend answered to an earlier command.
    public var isOutcome: Bool {
        self == .rcptRejected || self == .backendCode
    }

    /// Whether it tells how an account is used over all its sessions.
    public var isOfAccount: Bool {
        switch self {
        case .authDistinctNets, .authRecipients, .authRejectedPercent, .authVolumePercent: true
        case _: false
        }
    }

    /// Whether a rule at `stage` may use it without a guard.
    public func isCertain(at stage: Stage) -> Bool {
        switch presence {
        case .always: true
        case .sometimes: false
        case .guarded(_, let except): except.contains(stage)
        }
    }

    private static let byPath: [String: Field] = Dictionary(
        allCases.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })

    /// The field that a policy file calls `path`.
    public init?(path: String) {
        guard let field = Self.byPath[path] else { return nil }
        self = field
    }
}

/// A line of the table of fields.
public struct FieldRow: Sendable {
    public let path: String
    public let type: FieldType
    public let stages: StageSet
    public let presence: Presence
    public let meaning: String
}
