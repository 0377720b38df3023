public import Bytes
public import Policy
public import SMTPWire

/// The backend's side of a session: one connection, one client.
///
/// It greets, secures the connection, says who the client is, and then sends commands and matches replies to them in
/// order. What it writes comes from `CommandEncoder`, never from the client's bytes. A reply that nobody waits for,
/// or that is not one, ends the connection: a backend that answers twice would make us confirm the wrong command.
///
/// Capabilities are learnt from the last EHLO only: STARTTLS and XCLIENT make both sides forget them.
public struct BackendMachine: ~Copyable {
    let identity: BackendIdentity
    let tls: BackendTLS
    let reader: CapabilitiesReader
    /// The server is the one that the client meant: it greets the client, and hears the client's HELO and STARTTLS.
    let isTransparent: Bool
    var client: ClientIdentity
    var state: State = .disconnected
    /// Commands that wait for the connection to open, or for replies where the backend cannot pipeline.
    private var waiting = FIFO<BackendCommand>()
    /// Commands that were sent, oldest first.
    var due = FIFO<AwaitedReply>()
    var mayPipelineNext = true
    /// Every command is answered, and more has come: it cannot be the answer to what is sent from now on.
    public internal(set) var isAhead = false

    enum State {
        case disconnected
        /// The driver connects (and, with implicit TLS, shakes hands).
        case connecting
        case awaitingGreeting
        case awaitingHello(Hello)
        case awaitingSTARTTLS
        case handshaking
        case awaitingXCLIENT
        /// Its greeting was passed on, and the client has not said HELO yet (`isTransparent`).
        case greeted
        /// Commands may flow.
        case open(Capabilities)
        /// It took the client's STARTTLS: what follows is between those two.
        case passedOn
    }

    /// What an EHLO is for.
    enum Hello {
        /// To learn whether STARTTLS is offered.
        case beforeTLS
        /// To learn which XCLIENT attributes are offered.
        case beforeXCLIENT
        /// The client's own, after which its commands flow.
        case session
    }

    public init(
        identity: BackendIdentity, tls: BackendTLS, client: ClientIdentity, isTransparent: Bool = false,
        reader: CapabilitiesReader = CapabilitiesReader()
    ) {
        self.identity = identity
        self.reader = reader
        self.tls = tls
        self.client = client
        self.isTransparent = isTransparent
    }

    // MARK: Facts of the state

    public var isDisconnected: Bool {
        if case .disconnected = state { true } else { false }
    }

    /// The capabilities of the open connection; nil until it is open.
    public var capabilities: Capabilities? {
        if case .open(let capabilities) = state { capabilities } else { nil }
    }

    /// Whether commands may flow.
    public var isOpen: Bool {
        if case .open = state { true } else { false }
    }

    /// Whether the driver is connecting or shaking hands.
    public var isConnecting: Bool {
        switch state {
        case .connecting, .handshaking: true
        case .disconnected, .awaitingGreeting, .awaitingHello, .awaitingSTARTTLS, .awaitingXCLIENT, .greeted, .open,
            .passedOn:
            false
        }
    }

    /// Whether a TLS handshake after STARTTLS is under way.
    public var awaitsHandshake: Bool {
        if case .handshaking = state { true } else { false }
    }

    /// What the next reply is the answer to, for timeouts and logs; nil when none is due.
    public var awaits: String? {
        switch state {
        case .disconnected, .greeted, .passedOn: nil
        case .connecting: "connect"
        case .awaitingGreeting: "greeting"
        case .awaitingHello: "EHLO"
        case .awaitingSTARTTLS: "STARTTLS"
        case .handshaking: "TLS handshake"
        case .awaitingXCLIENT: "XCLIENT"
        case .open: due.first.map(Self.name)
        }
    }

    /// Whether the reply that is due is the one that settles a message.
    public var awaitsEndOfData: Bool {
        switch due.first {
        case .endOfData, .chunk(last: true): true
        case .hello, .starttls, .rset, .mail, .rcpt, .data, .chunk, .auth, .authCancel, .quit, nil: false
        }
    }

    private static func name(_ awaited: AwaitedReply) -> String {
        switch awaited {
        case .hello: "EHLO"
        case .starttls: "STARTTLS"
        case .rset: "RSET"
        case .mail: "MAIL"
        case .rcpt: "RCPT"
        case .data: "DATA"
        case .chunk: "BDAT"
        case .endOfData: "END-OF-MESSAGE"
        case .auth, .authCancel: "AUTH"
        case .quit: "QUIT"
        }
    }

    // MARK: Connection

    /// The driver is asked to connect.
    public mutating func connect(as client: ClientIdentity) {
        self.client = client
        state = .connecting
        isAhead = false
    }

    /// What the driver has to do once TCP is connected.
    public enum Connected: Equatable, Sendable {
        case awaitGreeting
        /// Flush what was written (a PROXY header), then start TLS.
        case secure
    }

    /// TCP is connected: a PROXY header goes first, before any TLS.
    public mutating func connected(_ output: inout OutputBuffer) -> Connected {
        switch identity {
        case .proxyV1: ProxyHeader.encodeV1(source: client.source, destination: client.destination, to: &output)
        case .proxyV2: ProxyHeader.encodeV2(source: client.source, destination: client.destination, to: &output)
        case .xclient, .none: break
        }
        state = .awaitingGreeting
        return tls == .implicit ? .secure : .awaitGreeting
    }

    /// The handshake ended well.
    public mutating func secured(_ output: inout OutputBuffer) {
        guard case .handshaking = state else { return }
        sendHello(identity == .xclient ? .beforeXCLIENT : .session, &output)
    }

    /// The connection is gone, or is to be: everything that was learnt or waits is forgotten.
    public mutating func disconnected() {
        state = .disconnected
        waiting.removeAll()
        due.removeAll()
        isAhead = false
    }

    // MARK: Commands

    /// Sends what a policy has accepted.
    public mutating func send(
        _ command: BackendCommand, permit: consuming Permit, to output: inout OutputBuffer
    ) {
        _ = consume permit
        enqueue(command, &output)
    }

    /// Sends what needs no permission: it moves no mail and no secret.
    public mutating func send(housekeeping command: Housekeeping, to output: inout OutputBuffer) {
        switch command {
        case .hello(let client):
            self.client = client
            if case .greeted = state { sendHello(.session, &output) } else { enqueue(.hello, &output) }
        case .rset: enqueue(.rset, &output)
        case .authCancel: enqueue(.authCancel, &output)
        case .quit: enqueue(.quit, &output)
        }
    }

    /// Commands that no policy is asked about.
    public enum Housekeeping: Sendable {
        case hello(ClientIdentity)
        case rset
        case authCancel
        case quit
    }

    /// Drops commands that were not sent yet: their transaction has failed.
    public mutating func dropWaiting() {
        waiting.removeAll()
    }

    /// Drops recipients that were not sent yet and use what the backend has not, each with the reply to it.
    public mutating func refuseWaitingRecipients(
        beyond live: Capabilities
    ) -> [(ticket: ReplyQueue.Ticket, reply: Reply)] {
        var refused: [(ticket: ReplyQueue.Ticket, reply: Reply)] = []
        waiting.removeAll { command in
            guard case .rcpt(let rcpt, let ticket) = command, let reply = Offer.refusal(of: rcpt, by: live) else {
                return false
            }
            refused.append((ticket, reply))
            return true
        }
        return refused
    }

    private mutating func enqueue(_ command: BackendCommand, _ output: inout OutputBuffer) {
        if waiting.isEmpty, case .open(let capabilities) = state, maySend(capabilities) {
            write(command, capabilities, &output)
            mayPipelineNext = command.mayBeFollowed
        } else {
            waiting.append(command)
        }
    }

    private func maySend(_ capabilities: Capabilities) -> Bool {
        !isAhead && (due.isEmpty || mayPipelineNext && capabilities.pipelining)
    }

    /// Sends as much of `waiting` as the backend may be sent now.
    mutating func pump(_ output: inout OutputBuffer) {
        guard !waiting.isEmpty, case .open(let capabilities) = state else { return }
        while maySend(capabilities), let command = waiting.popFirst() {
            write(command, capabilities, &output)
            mayPipelineNext = command.mayBeFollowed
        }
    }

    private mutating func write(
        _ command: BackendCommand, _ capabilities: Capabilities, _ output: inout OutputBuffer
    ) {
        switch command {
        case .hello:
            CommandEncoder.ehlo(client.helo, esmtp: client.isExtended, to: &output)
            due.append(.hello)
        case .starttls:
            CommandEncoder.starttls(to: &output)
            due.append(.starttls)
        case .rset:
            CommandEncoder.rset(to: &output)
            due.append(.rset)
        case .mail(let mail):
            // Hints that change nothing about the message, which the backend may not know.
            CommandEncoder.mail(
                mail, withSize: capabilities.size != nil, withAuth: !capabilities.auth.isEmpty, to: &output)
            due.append(.mail)
        case .rcpt(let rcpt, let ticket):
            CommandEncoder.rcpt(rcpt, to: &output)
            due.append(.rcpt(ticket))
        case .data:
            CommandEncoder.data(to: &output)
            due.append(.data)
        case .chunk(let size, let last):
            CommandEncoder.bdat(size: size, last: last, to: &output)
            due.append(.chunk(last: last))
        case .endOfData:
            CommandEncoder.endOfData(to: &output)
            due.append(.endOfData)
        case .auth(let mechanism, let initial):
            CommandEncoder.auth(mechanism, initial: initial, to: &output)
            due.append(.auth)
        case .authResponse(let response):
            CommandEncoder.authResponse(response, to: &output)
            due.append(.auth)
        case .authCancel:
            CommandEncoder.authCancel(to: &output)
            due.append(.authCancel)
        case .quit:
            CommandEncoder.quit(to: &output)
            due.append(.quit)
        }
    }

    mutating func sendHello(_ purpose: Hello, _ output: inout OutputBuffer) {
        let esmtp = client.isExtended || purpose != .session
        CommandEncoder.ehlo(client.helo, esmtp: esmtp, to: &output)
        state = .awaitingHello(purpose)
    }
}
