public import SMTPWire

/// One AUTH exchange, relayed to the backend challenge by challenge (RFC 4954 4).
///
/// The name that is tried is learnt before anything secret goes to the backend: the first response is held until the
/// policy has been asked at stage `login`. Nothing of the exchange is kept after it.
public struct LoginExchange: Sendable {
    public let mechanism: AuthMechanism
    private var state: State
    /// The backend has called the login good or bad.
    public private(set) var wasJudged = false
    /// A hash of the password or token under a key of this process; nil where the mechanism shows none.
    public private(set) var secret: UInt64?

    /// Initial responses up to this many octets go with the AUTH command itself; longer ones wait for the challenge,
    /// so that the command stays within the 512 octets that every server must take (RFC 5321 4.5.3.1.4).
    static let longestInitialResponse = 480

    private enum State: Sendable {
        /// Our own challenge was sent; the name comes with the answer.
        case awaitingName
        /// The backend's first challenge was relayed (CRAM-MD5); the name comes with the answer.
        case awaitingNameAfterChallenge
        /// The policy is asked whether this name may try.
        case awaitingDecision(held: [UInt8], afterChallenge: Bool)
        /// AUTH was sent without a response; `held` answers the backend's first challenge.
        case awaitingFirstChallenge(held: [UInt8]?)
        case awaitingBackend
        case awaitingClient
        /// `*` was sent to the backend.
        case cancelling
    }

    /// What to do next.
    public enum Step: Equatable, Sendable {
        /// Send this 334 to the client.
        case challenge(Reply)
        /// Ask the policy at stage `login`; then `loginAccepted`.
        case askLogin(LearntName)
        case send(Message)
        /// Tell the backend that the client gave up.
        case cancel
        case finished(LoginOutcome, Reply)
        case fault(BackendFault)
    }

    /// What goes to the backend.
    public enum Message: Equatable, Sendable {
        case auth(AuthMechanism, initial: [UInt8]?)
        case response([UInt8])

        public var command: BackendCommand {
            switch self {
            case .auth(let mechanism, let initial): .auth(mechanism, initial: initial)
            case .response(let response): .authResponse(response)
            }
        }
    }

    public enum LoginOutcome: Equatable, Sendable {
        case ok, badCredentials, temporary, cancelled, malformed
    }

    /// Begins with the client's AUTH command.
    public static func begin(_ mechanism: AuthMechanism, _ initial: InitialResponse) -> (LoginExchange, Step) {
        var exchange = LoginExchange(mechanism: mechanism, state: .awaitingName)
        let step = exchange.begin(initial)
        return (exchange, step)
    }

    private mutating func begin(_ initial: InitialResponse) -> Step {
        switch (initial, mechanism) {
        case (.none, .cramMD5):
            state = .awaitingFirstChallenge(held: nil)
            return .send(.auth(.cramMD5, initial: nil))
        case (_, .cramMD5):
            return .finished(.malformed, Replies.malformedResponse)
        case (.none, .login):
            return .challenge(Replies.usernameChallenge)
        case (.none, _):
            return .challenge(Replies.emptyChallenge)
        case (.empty, _):
            return .finished(.malformed, Replies.malformedResponse)
        case (.base64(let response), _):
            return nameGiven(response, afterChallenge: false)
        }
    }

    // MARK: The client

    /// A line of the client's, which is not a command while the exchange runs.
    public mutating func clientResponded(_ line: [UInt8]) -> Step {
        if line == [UInt8(ascii: "*")] { return clientCancelled() }
        switch state {
        case .awaitingName:
            return nameGiven(line, afterChallenge: false)
        case .awaitingNameAfterChallenge:
            return nameGiven(line, afterChallenge: true)
        case .awaitingClient:
            guard let response = Base64.decode(line) else {
                return abandon(.malformed, Replies.malformedResponse)
            }
            if mechanism == .login { secret = SecretHash.hash(response[...]) }
            state = .awaitingBackend
            return .send(.response(line))
        case .awaitingDecision, .awaitingFirstChallenge, .awaitingBackend, .cancelling:
            return .fault(.unsolicitedReply)
        }
    }

    private mutating func nameGiven(_ response: [UInt8], afterChallenge: Bool) -> Step {
        guard let decoded = Base64.decode(response) else {
            return abandon(.malformed, Replies.malformedResponse)
        }
        guard let name = LoginLearner.learn(mechanism, from: decoded) else {
            return abandon(.malformed, Replies.authenticationFailed)
        }
        if let authzid = name.authzid, authzid != name.authcid {
            return abandon(.badCredentials, Replies.authorizationIdentityRefused)
        }
        secret = SecretHash.secret(in: decoded, of: mechanism).map(SecretHash.hash)
        state = .awaitingDecision(held: response, afterChallenge: afterChallenge)
        return .askLogin(name)
    }

    /// Ends the exchange for a fault of the client's, telling the backend where it has begun one.
    private mutating func abandon(_ outcome: LoginOutcome, _ reply: Reply) -> Step {
        switch state {
        case .awaitingName, .awaitingDecision(_, afterChallenge: false):
            return .finished(outcome, reply)
        case .awaitingNameAfterChallenge, .awaitingClient, .awaitingDecision, .awaitingFirstChallenge,
            .awaitingBackend, .cancelling:
            abandoned = (outcome, reply)
            state = .cancelling
            return .cancel
        }
    }

    private var abandoned: (LoginOutcome, Reply)?

    private init(mechanism: AuthMechanism, state: State) {
        self.mechanism = mechanism
        self.state = state
    }

    private mutating func clientCancelled() -> Step {
        abandon(.cancelled, Replies.authCancelled)
    }

    // MARK: The policy

    /// The policy lets this name try: the response that was held goes to the backend.
    public mutating func loginAccepted() -> Step {
        guard case .awaitingDecision(let held, let afterChallenge) = state else { return .fault(.unsolicitedReply) }
        if afterChallenge {
            state = .awaitingBackend
            return .send(.response(held))
        }
        // LOGIN has no initial response in its draft; many servers take one, all take the answer to the challenge.
        if mechanism == .login || held.count > Self.longestInitialResponse {
            state = .awaitingFirstChallenge(held: held)
            return .send(.auth(mechanism, initial: nil))
        }
        state = .awaitingBackend
        return .send(.auth(mechanism, initial: held))
    }

    /// The policy refuses the name with `reply`.
    public mutating func loginRefused(_ reply: Reply) -> Step {
        abandon(reply.isTransientNegative ? .temporary : .badCredentials, reply)
    }

    // MARK: The backend

    /// The backend's reply to AUTH, to a response, or to `*`.
    public mutating func backendReplied(_ reply: Reply) -> Step {
        switch state {
        case .cancelling:
            guard let (outcome, ours) = abandoned, reply.code >= 400 else { return .fault(.unexpectedReply(reply)) }
            return .finished(outcome, ours)
        case .awaitingFirstChallenge(let held):
            guard reply.code == 334 else { return negative(reply) }
            guard let held else { return relay(reply, then: .awaitingNameAfterChallenge) }
            state = .awaitingBackend
            return .send(.response(held))
        case .awaitingBackend:
            if reply.code != 334 { wasJudged = true }
            if reply.code == 235 { return .finished(.ok, reply) }
            return reply.code == 334 ? relay(reply, then: .awaitingClient) : negative(reply)
        case .awaitingName, .awaitingNameAfterChallenge, .awaitingDecision, .awaitingClient:
            return .fault(.unsolicitedReply)
        }
    }

    /// A challenge must be base64 of its own: it is the one text that is passed on unread.
    private mutating func relay(_ challenge: Reply, then next: State) -> Step {
        guard challenge.lines.count == 1, Base64.decode(challenge.lines[0]) != nil else {
            return .fault(.unexpectedReply(challenge))
        }
        state = next
        return .challenge(challenge)
    }

    private func negative(_ reply: Reply) -> Step {
        switch reply.code {
        case 400..<500: .finished(.temporary, reply)
        case 501: .finished(.malformed, reply)
        case 500..<600: .finished(.badCredentials, reply)
        case _: .fault(.unexpectedReply(reply))
        }
    }
}
