public import Policy
public import SMTPWire

/// The client's side of a session: which commands are in order, and what each changes (RFC 5321 4.1.4).
///
/// It does no I/O and decides nothing: `refusal(of:)` says whether a command is in order, the policy is asked,
/// and then the one method of that command moves the state. A state owns its data, so what a transition
/// does not hand over is forgotten.
public struct ClientMachine: ~Copyable {
    private var state: State = .awaitingHello(.cleartext)

    enum State {
        /// The greeting was sent, or TLS began: nothing is known of the client.
        case awaitingHello(Security)
        /// HELO or EHLO was accepted and no transaction is open.
        case idle(Greeting)
        /// MAIL was accepted.
        case transaction(Greeting, MailTransaction)
        /// The client has been told to send (354), or sends BDAT chunks.
        case receivingContent(Greeting, MailTransaction)
        /// An AUTH exchange runs.
        case authenticating(Greeting)
        /// 220 was given to STARTTLS: all that was said in clear is forgotten.
        case startingTLS
    }

    /// What HELO or EHLO established.
    ///
    /// An object that never changes, since every command asks about it.
    public final class Greeting: Sendable {
        public let name: HeloName
        /// EHLO rather than HELO.
        public let isExtended: Bool
        public let security: Security
        /// A login survives a new EHLO (RFC 4954 4), not a new TLS session.
        public let login: Authenticated?

        init(name: HeloName, isExtended: Bool, security: Security, login: Authenticated?) {
            self.name = name
            self.isExtended = isExtended
            self.security = security
            self.login = login
        }
    }

    public init() {}

    // MARK: Facts of the state

    public var security: Security {
        switch state {
        case .awaitingHello(let security): security
        case .idle(let greeting), .transaction(let greeting, _), .receivingContent(let greeting, _),
            .authenticating(let greeting):
            greeting.security
        case .startingTLS: .cleartext
        }
    }

    public var greeting: Greeting? {
        switch state {
        case .awaitingHello, .startingTLS: nil
        case .idle(let greeting), .transaction(let greeting, _), .receivingContent(let greeting, _),
            .authenticating(let greeting):
            greeting
        }
    }

    public var transaction: MailTransaction? {
        switch state {
        case .transaction(_, let transaction), .receivingContent(_, let transaction): transaction
        case .awaitingHello, .idle, .authenticating, .startingTLS: nil
        }
    }

    public var hasTransaction: Bool {
        switch state {
        case .transaction, .receivingContent: true
        case .awaitingHello, .idle, .authenticating, .startingTLS: false
        }
    }

    /// True from the first octet of a message's content until its end was answered.
    public var isReceivingContent: Bool {
        switch state {
        case .receivingContent: true
        case .awaitingHello, .idle, .transaction, .authenticating, .startingTLS: false
        }
    }
}

// MARK: Events

extension ClientMachine {
    /// HELO or EHLO was accepted: a new greeting, and no transaction (RFC 5321 4.1.4).
    public mutating func greeted(as name: HeloName, isExtended: Bool) {
        state = .idle(Greeting(name: name, isExtended: isExtended, security: security, login: greeting?.login))
    }

    /// STARTTLS was answered with 220: RFC 3207 4.2 makes both sides forget all that was said so far.
    public mutating func startTLS() {
        state = .startingTLS
    }

    /// The handshake ended well.
    @discardableResult
    public mutating func tlsEstablished(_ facts: TLSFacts) -> TLSEstablished {
        let proof = TLSEstablished(facts)
        state = .awaitingHello(.tls(proof))
        return proof
    }

    /// MAIL was accepted; `now` is on the session's clock, in nanoseconds.
    public mutating func beginTransaction(_ mail: MailCommand, decision: Decision, now: UInt64) {
        state.begin(MailTransaction(mail: mail, decision: decision, startedAt: now))
    }

    /// DATA or the first BDAT was accepted.
    public mutating func beginContent(_ content: MailTransaction.Content) {
        state.begin(content)
    }

    /// DATA got no 354: the transaction stands, without content.
    public mutating func contentRefused() {
        state.contentRefused()
    }

    /// The end of data was answered, or RSET: the transaction is over.
    public mutating func endTransaction() {
        state.endTransaction()
    }

    /// AUTH was accepted: nothing but its exchange is in order now.
    public mutating func beginAuthentication() {
        state.beginAuthentication()
    }

    /// The AUTH exchange is over; with `user`, the backend took the login and the policy agreed.
    @discardableResult
    public mutating func authenticationEnded(user: [UInt8]?, mechanism: String) -> Authenticated? {
        state.authenticationEnded(user.map { Authenticated(user: $0, mechanism: mechanism) })
    }
}

// MARK: Transitions

extension ClientMachine.State {
    mutating func begin(_ transaction: MailTransaction) {
        switch consume self {
        case .idle(let greeting): self = .transaction(greeting, transaction)
        case let other: self = other
        }
    }

    mutating func begin(_ content: MailTransaction.Content) {
        switch consume self {
        case .transaction(let greeting, let transaction):
            transaction.content = content
            self = .receivingContent(greeting, transaction)
        case let other:
            self = other
        }
    }

    mutating func contentRefused() {
        switch consume self {
        case .receivingContent(let greeting, let transaction):
            transaction.content = nil
            self = .transaction(greeting, transaction)
        case let other:
            self = other
        }
    }

    mutating func endTransaction() {
        switch consume self {
        case .transaction(let greeting, _), .receivingContent(let greeting, _): self = .idle(greeting)
        case let other: self = other
        }
    }

    mutating func beginAuthentication() {
        switch consume self {
        case .idle(let greeting): self = .authenticating(greeting)
        case let other: self = other
        }
    }

    mutating func authenticationEnded(_ login: Authenticated?) -> Authenticated? {
        switch consume self {
        case .authenticating(let greeting):
            self = .idle(
                ClientMachine.Greeting(
                    name: greeting.name, isExtended: greeting.isExtended, security: greeting.security, login: login))
            return login
        case let other:
            self = other
            return nil
        }
    }
}
