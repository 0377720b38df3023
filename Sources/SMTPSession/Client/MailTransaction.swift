public import Policy
public import SMTPWire

/// One mail transaction (RFC 5321 3.3), from an accepted MAIL until the reply to its end of data, RSET, EHLO or TLS.
///
/// It lives inside the client machine's state, so leaving the state is the reset. An object, since nearly every command
/// looks at it; who holds one past its state's end holds what nobody reads any more.
public final class MailTransaction {
    public let mail: MailCommand
    /// The decision that accepted MAIL; it is sent to the backend only with the first recipient.
    public let decision: Decision
    /// When MAIL came: nanoseconds of the session's clock.
    public let startedAt: UInt64

    /// RCPT commands that were asked for, refused ones included.
    public var recipientsAsked = 0
    /// RCPT commands that the backend took.
    public var recipientsAccepted = 0
    /// Where the transaction stands at the backend.
    public var relayed = Relayed.notYet
    /// The reply to a recipient that could not be asked about for a fault of ours or of the link.
    public var fault: Reply?
    /// The decision that accepted the content; every chunk goes out under it.
    public internal(set) var content: Content?

    /// The backend's view of the transaction.
    public enum Relayed: Equatable, Sendable {
        /// The backend has not heard of it.
        case notYet
        case mailSent
        case mailAccepted
        /// Its refusal of MAIL is the answer to every recipient.
        case mailRefused(Reply)
        /// The connection broke inside the transaction: every later command of it gets this reply.
        case lost(Reply)
    }

    /// How the message content goes to the backend.
    public struct Content: Sendable {
        public let decision: Decision
        /// BDAT towards a backend without CHUNKING becomes DATA.
        public let isConverted: Bool
        /// Octets of the chunks so far.
        public var size: UInt64 = 0

        public init(decision: Decision, isConverted: Bool) {
            self.decision = decision
            self.isConverted = isConverted
        }
    }

    init(mail: MailCommand, decision: Decision, startedAt: UInt64) {
        self.mail = mail
        self.decision = decision
        self.startedAt = startedAt
    }

    /// Another chunk of the content was accepted.
    public func addChunk(_ size: UInt64) {
        content?.size &+= size
    }
}
