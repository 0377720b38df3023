/// How `portreeve demo` is started.
public struct DemoOptions: Sendable {
    public var portBase = Demo.defaultPortBase
    /// Where everything is put; nil makes a new folder in /tmp.
    public var folder: String?
    /// Ends when the sessions are over instead of going on to serve.
    public var endsAfterSessions = false
    /// The program's version.
    public var version = ""
    /// How the program was called, for the lines to type.
    public var program = "portreeve"

    public init() {}
}

/// Why there is no demonstration, in words for the person who asked for it.
public struct DemoFailure: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The four listeners of the demonstration: the ports of real mail, moved up.
enum DemoPort: UInt16, CaseIterable, Sendable {
    case inbound = 25
    case submissions = 465
    case alternate = 525
    case submission = 587

    func number(_ base: UInt16) -> UInt16 { base &+ rawValue }

    /// Its name in the configuration.
    var name: String {
        switch self {
        case .inbound: "inbound"
        case .submissions: "submissions"
        case .alternate: "alternate"
        case .submission: "submission"
        }
    }

    var meaning: String {
        switch self {
        case .inbound: "mail from the world"
        case .submissions: "mail from users, TLS from the first octet"
        case .alternate: "mail from users, STARTTLS"
        case .submission: "mail from users, STARTTLS"
        }
    }
}
