// AUTH (RFC 4954). A response holds a credential, so nothing here can be printed by accident.

/// The mechanisms whose tried name can be learnt.
public enum AuthMechanism: UInt8, CaseIterable, Sendable {
    case plain, login, cramMD5, scramSHA1, scramSHA256, scramSHA512, xoauth2, oauthbearer

    /// The name in EHLO and AUTH.
    public var name: StaticString {
        switch self {
        case .plain: "PLAIN"
        case .login: "LOGIN"
        case .cramMD5: "CRAM-MD5"
        case .scramSHA1: "SCRAM-SHA-1"
        case .scramSHA256: "SCRAM-SHA-256"
        case .scramSHA512: "SCRAM-SHA-512"
        case .xoauth2: "XOAUTH2"
        case .oauthbearer: "OAUTHBEARER"
        }
    }

    private var lowercasedName: StaticString {
        switch self {
        case .plain: "plain"
        case .login: "login"
        case .cramMD5: "cram-md5"
        case .scramSHA1: "scram-sha-1"
        case .scramSHA256: "scram-sha-256"
        case .scramSHA512: "scram-sha-512"
        case .xoauth2: "xoauth2"
        case .oauthbearer: "oauthbearer"
        }
    }

    /// Letter case does not matter.
    public init?(name: [UInt8]) {
        let found = Self.allCases.first { name.equalsIgnoringCase($0.lowercasedName) }
        guard let found else { return nil }
        self = found
    }
}

/// A set of mechanisms.
public struct AuthMechanisms: OptionSet, Equatable, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    public init(_ mechanism: AuthMechanism) {
        rawValue = 1 << mechanism.rawValue
    }

    public func contains(_ mechanism: AuthMechanism) -> Bool {
        contains(AuthMechanisms(mechanism))
    }

    /// In the order of `AuthMechanism`.
    public var mechanisms: [AuthMechanism] {
        AuthMechanism.allCases.filter(contains)
    }
}

/// What stood behind the mechanism.
public enum InitialResponse: Equatable, Sendable {
    case none
    /// `=`: present and empty.
    case empty
    /// Well-formed base64, as written.
    case base64([UInt8])
}

public struct AuthCommand: Equatable, Sendable {
    /// nil: none that we know.
    public let mechanism: AuthMechanism?
    /// Upper case, 1 to 20 octets of `A-Z0-9-_` (RFC 4422 3.1).
    public let mechanismName: [UInt8]
    public let initialResponse: InitialResponse

    init(mechanismName: [UInt8], initialResponse: InitialResponse) {
        mechanism = AuthMechanism(name: mechanismName)
        self.mechanismName = mechanismName
        self.initialResponse = initialResponse
    }
}

extension InitialResponse: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        switch self {
        case .none: "none"
        case .empty: "empty"
        case .base64: "hidden"
        }
    }

    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension AuthCommand: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "AUTH \(String(decoding: mechanismName, as: UTF8.self)) \(initialResponse)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
