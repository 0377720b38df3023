public import Bytes
public import SMTPWire

// What the backend's replies mean, from its greeting on: matched to what was sent, in order.

extension BackendMachine {
    /// What a reply of the backend means.
    public enum Event: Equatable, Sendable {
        /// The connection is being set up; nothing to do.
        case progressed
        /// The driver proves that no plaintext is left and starts TLS.
        case secure
        /// The connection is open (again, after a repeated EHLO) with these capabilities.
        case opened(Capabilities)
        /// The server greets the client (`isTransparent`); it is told the client's HELO when that comes.
        case greeted(Reply)
        /// The server refuses the client's HELO; what held before it still holds (`isTransparent`).
        case helloRefused(Reply)
        case reply(AwaitedReply, Reply)
        case fault(BackendFault)
    }

    /// A whole reply has come; `isLast` when no octet stands behind it.
    ///
    /// What is there before a command was sent is no answer to it: nothing is sent until it is known to be a fault.
    public mutating func received(
        _ reply: Reply, isLast: Bool = true, _ output: inout OutputBuffer
    ) -> Event {
        isAhead = !isLast && due.count <= 1
        switch state {
        case .disconnected, .connecting, .passedOn:
            return .fault(.unsolicitedReply)
        case .greeted:
            return .fault(reply.code == 421 ? .closing(reply) : .unsolicitedReply)
        case .handshaking:
            return .fault(.bytesBehindSTARTTLS)
        case .awaitingGreeting, .awaitingHello, .awaitingXCLIENT:
            return isLast ? introduced(reply, &output) : .fault(.unsolicitedReply)
        case .awaitingSTARTTLS:
            state = .handshaking
            return reply.code == 220 ? .secure : .fault(.startTLSRefused(reply))
        case .open:
            return commandAnswered(reply, &output)
        }
    }

    private mutating func introduced(_ reply: Reply, _ output: inout OutputBuffer) -> Event {
        switch state {
        case .awaitingGreeting:
            return greeted(reply, &output)
        case .awaitingHello(let purpose):
            return helloAnswered(purpose, reply, &output)
        case .awaitingXCLIENT:
            guard reply.code == 220 else { return .fault(.identityRefused(reply)) }
            sendHello(.session, &output)
            return .progressed
        case .disconnected, .connecting, .handshaking, .awaitingSTARTTLS, .greeted, .open, .passedOn:
            return .fault(.unsolicitedReply)
        }
    }

    private mutating func greeted(_ reply: Reply, _ output: inout OutputBuffer) -> Event {
        guard reply.code == 220 else { return .fault(.greetingRefused(reply)) }
        // A connection that replaces a lost one knows the client's name already.
        if isTransparent, client.helo.isEmpty {
            state = .greeted
            return .greeted(reply)
        }
        sendHello(tls == .starttls ? .beforeTLS : identity == .xclient ? .beforeXCLIENT : .session, &output)
        return .progressed
    }

    private mutating func helloAnswered(
        _ purpose: Hello, _ reply: Reply, _ output: inout OutputBuffer
    ) -> Event {
        guard reply.code == 250 else { return helloRefused(reply) }
        let capabilities = client.isExtended || purpose != .session ? reader.capabilities(of: reply) : .none
        switch purpose {
        case .beforeTLS:
            guard capabilities.starttls else { return .fault(.startTLSNotOffered) }
            CommandEncoder.starttls(to: &output)
            state = .awaitingSTARTTLS
            return .progressed
        case .beforeXCLIENT:
            return introduce(capabilities, &output)
        case .session:
            return opened(capabilities, &output)
        }
    }

    /// XCLIENT is sent alone and its 220 awaited, also where PIPELINING is offered.
    private mutating func introduce(_ capabilities: Capabilities, _ output: inout OutputBuffer) -> Event {
        guard let offered = capabilities.xclient, offered.contains([.name, .addr]) else {
            return .fault(.identityNotOffered)
        }
        var xclient = XClient(
            client: client.source, destination: client.destination, proto: client.isExtended ? .esmtp : .smtp)
        xclient.name = client.name
        xclient.helo = client.helo
        do throws(XClientFault) {
            try xclient.encode(offered: offered, to: &output)
        } catch {
            return .fault(.identityTooLong)
        }
        state = .awaitingXCLIENT
        return .progressed
    }

    private mutating func opened(_ capabilities: Capabilities, _ output: inout OutputBuffer) -> Event {
        state = .open(capabilities)
        mayPipelineNext = true
        return .opened(capabilities)
    }

    /// Sends what waited for the connection to open; asked for after the caller has looked at the capabilities.
    public mutating func flushWaiting(to output: inout OutputBuffer) {
        pump(&output)
    }

    private mutating func commandAnswered(_ reply: Reply, _ output: inout OutputBuffer) -> Event {
        guard let awaited = due.popFirst() else {
            return .fault(reply.code == 421 ? .closing(reply) : .unsolicitedReply)
        }
        if reply.code == 421, awaited != .quit { return .fault(.closing(reply)) }
        if awaited == .hello {
            guard reply.code == 250 else { return helloRefused(reply) }
            return opened(client.isExtended ? reader.capabilities(of: reply) : .none, &output)
        }
        if awaited == .starttls, reply.code == 220 {
            state = .passedOn
            return .reply(awaited, reply)
        }
        pump(&output)
        return .reply(awaited, reply)
    }

    private mutating func helloRefused(_ reply: Reply) -> Event {
        guard isTransparent, reply.code >= 400 else { return .fault(.helloRefused(reply)) }
        if !isOpen { state = .greeted }
        return .helloRefused(reply)
    }
}
