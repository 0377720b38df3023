internal import Diagnostics
internal import Policy
public import PolicyLanguage

/// A session typed by hand: each line is answered as a listener with these policies would, TLS and AUTH simulated.
public final class SimulatedSession {
    private let session: RehearsedSession

    /// `tls` is `none`, `starttls` or `implicit`; nil is what the port has.
    public init(
        _ policies: [LoadedPolicy], listener: String, port: UInt16, tls: String?, client: String, domains: [String],
        realm: String?
    ) {
        var script = ConversationScript(range: .file("session"))
        script.port = port
        script.listener = listener
        script.tls = tls
        script.client = client
        session = RehearsedSession(
            script, definitions: policies.map { $0.definition(ourDomains: domains) }, realm: realm)
    }

    /// Whether the connection is closed.
    public var isClosed: Bool { session.isClosed }

    /// What the client has been told since it was last asked, then the rules that decided.
    public func news() -> (replies: String, rules: [String]) {
        (session.takeText(), session.takeRules().map(\.description))
    }

    /// Takes a line as typed: a command, `TLS`, `AUTH USER [wrong]`; nil if it was understood, else what to do instead.
    public func type(_ line: String) -> String? {
        switch TestReader.kind(ofClient: line) {
        case .tls: return session.typeTLS()
        case .auth(let user, let succeeds):
            session.logIn(user, succeeds: succeeds)
            return nil
        case .client(let command):
            session.say(command + "\r\n")
            return nil
        case .server, .data, .advance, .none: return "a command, TLS, or AUTH USER"
        }
    }
}
