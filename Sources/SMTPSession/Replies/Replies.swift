public import SMTPWire

/// Every reply of ours to a client, but for those that policies write.
///
/// Whose fault it is shows in the code: 5xx for what the client did, 4xx for what we or the backend could not do.
public enum Replies {
    // MARK: Positive

    public static let ok = Reply(250, "2.0.0 Ok")
    public static let senderOK = Reply(250, "2.1.0 Ok")
    public static let startTLS = Reply(220, "2.0.0 Ready to start TLS")
    public static let bye = Reply(221, "2.0.0 Bye")
    public static let vrfy = Reply(252, "2.0.0 Cannot VRFY user, try RCPT")
    public static let help = Reply(214, "2.0.0 RFC 5321 is spoken here")
    public static let usernameChallenge = Reply(334, "VXNlcm5hbWU6")
    public static let emptyChallenge = Reply(334, "")

    public static func greeting(_ hostname: String) -> Reply { Reply(220, "\(hostname) ESMTP") }

    public static func chunkTaken(_ size: UInt64) -> Reply { Reply(250, "2.0.0 Ok: \(size) octets") }

    // MARK: Order (RFC 5321 4.1.4)

    static let sendHELOFirst = Reply(503, "5.5.1 Error: send HELO/EHLO first")
    public static let sendEHLOFirst = Reply(503, "5.5.1 Error: send EHLO first")
    static let nestedMAIL = Reply(503, "5.5.1 Error: nested MAIL command")
    static let needMAIL = Reply(503, "5.5.1 Error: need MAIL command")
    static let noValidRecipients = Reply(503, "5.5.1 Error: no valid recipients")
    static let contentStarted = Reply(503, "5.5.1 Error: message content has begun")
    static let dataAfterBDAT = Reply(503, "5.5.1 Error: DATA after BDAT")
    static let binaryMIMENeedsBDAT = Reply(503, "5.5.1 Error: BODY=BINARYMIME needs BDAT")
    static let alreadyAuthenticated = Reply(503, "5.5.1 Error: already authenticated")
    static let authInTransaction = Reply(503, "5.5.1 Error: MAIL transaction in progress")
    static let authNotEnabled = Reply(503, "5.5.1 Error: authentication not enabled")
    static let tlsAlreadyActive = Reply(554, "5.5.1 Error: TLS already active")
    public static let refusedConnection = Reply(503, "5.5.1 Error: connection was refused, send QUIT")

    // MARK: Not here

    static let notImplemented = Reply(502, "5.5.1 Error: command not implemented")
    static let startTLSNotOffered = Reply(502, "5.5.1 Error: STARTTLS is not offered here")
    public static let chunkingNotOffered = Reply(502, "5.5.1 Error: CHUNKING is not offered here")
    public static let mechanismNotAvailable = Reply(504, "5.5.4 Error: authentication mechanism not available")
    static let parameterNotRecognized = Reply(555, "5.5.4 Error: unsupported parameter")

    // MARK: Limits

    public static let lineTooLong = Reply(500, "5.5.2 Error: line too long")
    public static let authLineTooLong = Reply(500, "5.5.6 Error: authentication exchange line too long")
    public static let messageTooBig = Reply(552, "5.3.4 Error: message size exceeds limit")
    static let tooManyRecipients = Reply(452, "4.5.3 Error: too many recipients")
    static let emptyChunk = Reply(501, "5.5.4 Error: BDAT 0 without LAST")

    // MARK: Illegal octets

    public static let bareNewlineInCommand = Reply(550, "5.5.2 Error: bare <CR>, bare <LF> or <NUL> received")
    public static let bareNewlineInContent = Reply(550, "5.5.2 Error: bare <CR>, bare <LF> or <NUL> received")
    public static let bytesBehindSTARTTLS = Reply(554, "5.5.0 Error: data received behind STARTTLS")

    // MARK: Login

    public static let authCancelled = Reply(501, "5.7.0 Authentication cancelled")
    public static let malformedResponse = Reply(501, "5.5.2 Error: malformed authentication response")
    public static let authorizationIdentityRefused = Reply(535, "5.7.8 Error: authorization identity not permitted")
    public static let authenticationFailed = Reply(535, "5.7.8 Error: authentication failed")
    public static let authenticationUnavailable = Reply(454, "4.7.0 Temporary authentication failure")

    // MARK: Bans

    /// One reply for right and wrong passwords.
    public static let accountHeldAtLogin = Reply(454, "4.7.0 Error: this account is on hold, ask its administrator")
    public static let accountHeld = Reply(450, "4.7.1 Error: this account is on hold, ask its administrator")
    public static let contentHeld = Reply(451, "4.7.1 Error: this account is on hold, ask its administrator")
    public static let loginsRefused = Reply(454, "4.7.0 Error: no logins from your address for now")
    public static func banned(_ hostname: String) -> Reply {
        Reply(421, "4.7.0 \(hostname) Error: no service for your address for now")
    }

    // MARK: The backend

    /// A fault of ours or of the link: never 5xx.
    public static let backendUnavailable = Reply(451, "4.3.0 Error: mail server temporarily unavailable")
    public static let tooManyBackendSessions = Reply(451, "4.3.2 Error: mail server is busy")
    /// The server that an intercepted client meant, or the way to it, is not there.
    public static func destinationUnreachable(_ hostname: String) -> Reply {
        Reply(421, "4.4.1 \(hostname) Error: the mail server that you connected to cannot be reached")
    }
    public static func noWayOn(_ hostname: String) -> Reply {
        Reply(421, "4.3.0 \(hostname) Error: connections to mail servers cannot be passed on for now")
    }
    public static let noDestination = Reply(554, "5.7.1 Error: this is no mail server")
    public static let startTLSUnavailable = Reply(454, "4.7.0 TLS not available due to temporary reason")
    static let backendLacksSMTPUTF8 = Reply(550, "5.6.7 Error: SMTPUTF8 is not supported by the mail server")
    static let backendLacksExtension = Reply(451, "4.3.0 Error: mail server lacks a requested extension")

    // MARK: Closing (421)

    public static func tooManyErrors(_ hostname: String) -> Reply {
        Reply(421, "4.7.0 \(hostname) Error: too many errors")
    }

    public static func timeout(_ hostname: String) -> Reply { Reply(421, "4.4.2 \(hostname) Error: timeout exceeded") }
    public static func shuttingDown(_ hostname: String) -> Reply {
        Reply(421, "4.3.2 \(hostname) Service shutting down")
    }

    public static func loginLost(_ hostname: String) -> Reply {
        Reply(421, "4.3.0 \(hostname) Error: mail server connection lost")
    }

    public static func tooManyMessages(_ hostname: String) -> Reply {
        Reply(421, "4.7.0 \(hostname) Error: too many messages in this connection")
    }

    public static func tooManySessions(_ hostname: String) -> Reply {
        Reply(421, "4.7.0 \(hostname) Error: too many connections")
    }

    public static func noClientIdentity(_ hostname: String) -> Reply {
        Reply(421, "4.7.0 \(hostname) Error: the client's address is not known")
    }

    public static func commandTooLong(_ hostname: String) -> Reply {
        Reply(421, "4.7.0 \(hostname) Error: command line without end")
    }
}

extension Replies {
    /// The reply to a command that is not well formed.
    public static func reply(to fault: CommandFault) -> Reply {
        switch fault.kind {
        case .unknownCommand: Reply(500, "5.5.2 Error: command not recognized")
        case .illegalBytes: Reply(501, "5.5.2 Error: illegal character")
        case .badBase64: malformedResponse
        case .syntax: Reply(501, "5.5.4 Syntax: error in parameters or arguments")
        case .missingArgument: Reply(501, "5.5.4 Syntax: argument missing")
        case .unexpectedArgument: Reply(501, "5.5.4 Syntax: no argument allowed")
        case .badAddress where fault.verb == .rcpt: Reply(501, "5.1.3 Bad recipient address syntax")
        case .badAddress: Reply(501, "5.1.7 Bad sender address syntax")
        case .needsSMTPUTF8: needsSMTPUTF8
        case .unknownParameter: parameterNotRecognized
        case .parameterValue, .duplicateParameter: Reply(501, "5.5.4 Syntax: bad parameter value")
        case .badChunkSize: Reply(501, "5.5.4 Syntax: BDAT count [LAST]")
        case .sizeOverflow: messageTooBig
        case .forbidden: Reply(554, "5.5.1 Error: this is a mail server")
        }
    }

    static let needsSMTPUTF8 = Reply(553, "5.6.7 Error: address needs SMTPUTF8")
}

extension Reply {
    /// Whether the reply says that we or the backend failed: it is not an error that a client made.
    public var isOurFault: Bool {
        self == Replies.backendUnavailable || self == Replies.tooManyBackendSessions
            || self == Replies.authenticationUnavailable
    }
}
