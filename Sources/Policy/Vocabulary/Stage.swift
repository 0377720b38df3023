/// The points of a session at which rules are asked, in the order of a session.
public enum Stage: UInt8, CaseIterable, Sendable {
    /// After accept and a PROXY header, before any TLS.
    case connect
    case helo
    case starttls
    /// The mechanism is known, no secret has been read.
    case auth
    /// The name that is tried is known, nothing secret has been forwarded.
    case login
    /// The backend has judged the login.
    case authReply
    case mail
    case rcpt
    /// The backend has judged the recipient; an accepted one cannot be taken back.
    case rcptReply
    case data
    /// The whole message has been read, the backend has not been given its end.
    case message

    /// The word that policy files, logs and metrics use.
    public var name: String {
        switch self {
        case .connect: "connect"
        case .helo: "helo"
        case .starttls: "starttls"
        case .auth: "auth"
        case .login: "login"
        case .authReply: "auth_reply"
        case .mail: "mail"
        case .rcpt: "rcpt"
        case .rcptReply: "rcpt_reply"
        case .data: "data"
        case .message: "message"
        }
    }
}
