public import Policy
public import SMTPWire

/// What a session may say to its backend once the connection is open.
public enum BackendCommand: Sendable {
    /// The client's own HELO or EHLO, again.
    case hello
    /// The client's own STARTTLS, towards the server that it meant (`isTransparent`).
    case starttls
    case rset
    case mail(MailCommand)
    case rcpt(RcptCommand, ReplyQueue.Ticket)
    case data
    case chunk(size: UInt64, last: Bool)
    case endOfData
    case auth(AuthMechanism, initial: [UInt8]?)
    case authResponse([UInt8])
    case authCancel
    case quit

    /// Whether more may be sent before its reply has come, given PIPELINING (RFC 2920 3.1).
    var mayBeFollowed: Bool {
        switch self {
        case .rset, .mail, .rcpt: true
        case .hello, .starttls, .data, .chunk, .endOfData, .auth, .authResponse, .authCancel, .quit: false
        }
    }
}

/// Whose reply is due.
public enum AwaitedReply: Equatable, Sendable {
    case hello
    case starttls
    case rset
    case mail
    case rcpt(ReplyQueue.Ticket)
    case data
    case chunk(last: Bool)
    case endOfData
    case auth
    case authCancel
    case quit
}

/// Why a backend connection is of no more use, which is never the client's fault.
public enum BackendFault: Error, Equatable, Sendable {
    case connectFailed(String)
    case greetingRefused(Reply)
    case helloRefused(Reply)
    case startTLSRefused(Reply)
    case startTLSNotOffered
    case tlsFailed(String)
    /// Bytes in clear behind its 220 to STARTTLS.
    case bytesBehindSTARTTLS
    case identityNotOffered
    case identityRefused(Reply)
    /// The identity does not fit into one XCLIENT command.
    case identityTooLong
    case malformedReply
    /// A reply that no command is waiting for.
    case unsolicitedReply
    /// A reply of the wrong kind, such as 250 to DATA.
    case unexpectedReply(Reply)
    /// 421: it is closing.
    case closing(Reply)
    case lost
    /// `max_sessions` are open and none ended in time.
    case busy
    case timedOut(during: String)

    /// One line for the log.
    public var reason: String {
        switch self {
        case .connectFailed(let why): "connect failed: \(why)"
        case .greetingRefused(let reply): "greeting refused: \(reply.logText)"
        case .helloRefused(let reply): "HELO refused: \(reply.logText)"
        case .startTLSRefused(let reply): "STARTTLS refused: \(reply.logText)"
        case .startTLSNotOffered: "STARTTLS not offered"
        case .tlsFailed(let why): "TLS failed: \(why)"
        case .bytesBehindSTARTTLS: "data received behind the reply to STARTTLS"
        case .identityNotOffered: "XCLIENT not offered"
        case .identityRefused(let reply): "XCLIENT refused: \(reply.logText)"
        case .identityTooLong: "the client's identity does not fit into one XCLIENT command"
        case .malformedReply: "malformed reply"
        case .unsolicitedReply: "unsolicited reply"
        case .unexpectedReply(let reply): "unexpected reply: \(reply.logText)"
        case .closing(let reply): "closing: \(reply.logText)"
        case .lost: "connection lost"
        case .busy: "too many sessions"
        case .timedOut(let what): "timeout during \(what)"
        }
    }
}

extension Reply {
    /// The code and the first line, for a log; control characters are left to the log's own escaping.
    public var logText: String {
        "\(code) \(String(decoding: firstLine, as: UTF8.self))"
    }

    /// The same in the words of a policy.
    public var replyText: ReplyText {
        ReplyText(code: code, text: firstLine)
    }
}
