import Bytes
import Enforcement
import Policy
import Reactor
import TLSTransport

// The client's connection.

extension GatewaySession {
    /// Nanoseconds that a client gets to close after our FIN.
    static let lingerTime: UInt64 = 1_000_000_000
    /// Octets that are dropped while waiting for that.
    static let lingerOctets = 1024 * 1024

    func clientReady() {
        switch clientPhase {
        case .open: readClient()
        case .handshaking: shakeHandsWithClient()
        case .lingering: drainClient()
        case .securing, .closing, .closed: break
        }
    }

    /// Reads while the conversation wants input; a large sender yields to the others after its budget.
    func readClient() {
        var budget = Self.byteBudget
        while case .open = clientPhase, client.isWorthReading, conversation.wantsClientInput {
            guard budget > 0 else {
                if let clientRegistration { worker.loop.again(clientRegistration) }
                return
            }
            switch client.read(into: &conversation.fromClient) {
            case .bytes(0): return
            case .bytes(let count):
                budget -= count
                port.keepCalendar()
                conversation.clientSent(count, now: now)
                // A long message flows on instead of piling up.
                performEffects()
                writeBackend()
            case .wouldBlock: return
            case .endOfStream:
                clientHasEnded = true
                return conversation.clientEnded(now: now)
            case .failed: return conversation.clientBroke(now: now)
            }
        }
    }

    /// Writes what waits for the client, and takes the step that waited for it to be written.
    @inline(__always)
    func writeClient() {
        if !conversation.toClient.isEmpty || hasClientStep { flushClient() }
    }

    /// A step waits until all is written.
    private var hasClientStep: Bool {
        switch clientPhase {
        case .securing, .closing: true
        case .open: shutsClient
        case .handshaking, .lingering, .closed: false
        }
    }

    private func flushClient() {
        while !conversation.toClient.isEmpty {
            switch client.write(from: &conversation.toClient, isLast: endsAfterOutput) {
            case .bytes(let count): conversation.clientTook(count, now: now)
            case .wouldBlock: return
            case .endOfStream, .failed: return clientWriteFailed()
            }
        }
        switch clientPhase {
        case .securing: startClientTLS()
        case .closing: endClient()
        case .open where shutsClient:
            shutsClient = false
            client.shutdownWrite()
        case .open, .handshaking, .lingering, .closed: break
        }
    }

    private var endsAfterOutput: Bool {
        if case .closing = clientPhase { true } else { false }
    }

    private func clientWriteFailed() {
        conversation.toClient.discard()
        if case .closing = clientPhase { closeClient() } else { conversation.clientBroke(now: now) }
    }

    // MARK: TLS

    private func startClientTLS() {
        guard let proof = conversation.fromClient.plaintextDrained() else {
            clientPhase = .closing
            return conversation.clientSecurityFailed("data received in clear before the handshake", now: now)
        }
        guard let context = port.tls else {
            return conversation.clientSecurityFailed("no certificate", now: now)
        }
        do throws(TransportError) {
            try client.startTLS(proof, server: context)
            clientPhase = .handshaking
            shakeHandsWithClient()
        } catch {
            conversation.clientSecurityFailed(error.description, now: now)
        }
    }

    private func shakeHandsWithClient() {
        switch client.handshake() {
        case .done(let info):
            clientPhase = .open
            conversation.clientSecured(TLSFacts(info), now: now)
            readClient()
        case .wouldBlock:
            break
        case .failed(let error):
            conversation.clientSecurityFailed(error.description, now: now)
        }
    }

    // MARK: Closing

    /// All was written: after QUIT or the client's own FIN we close, otherwise we wait for the client to have read it.
    ///
    /// Behind a close_notify there may be octets that were not read, and RST would be the answer to them.
    private func endClient() {
        guard !conversation.clientHasQuit, !clientHasEnded || client.isTLS else { return closeClient() }
        client.shutdownWrite()
        clientPhase = .lingering(until: now &+ Self.lingerTime)
        drainClient()
    }

    private func drainClient() {
        var dropped = 0
        var scrap = InputBuffer(pool: worker.pool)
        while dropped < Self.lingerOctets {
            switch client.read(into: &scrap) {
            case .bytes(let count):
                dropped += count
                scrap.consume(scrap.count)
            case .wouldBlock: return
            case .endOfStream, .failed: return closeClient()
            }
        }
        closeClient()
    }

    func closeClient() {
        if case .closed = clientPhase { return }
        clientPhase = .closed
        if let clientRegistration { worker.loop.deregister(clientRegistration, closing: true) }
        clientRegistration = nil
        client.close()
    }
}

extension TLSFacts {
    init(_ info: TLSInfo) {
        let version: Policy.TLSVersion =
            switch info.version {
            case .tls10: .tls10
            case .tls11: .tls11
            case .tls12: .tls12
            case .tls13: .tls13
            }
        self.init(
            version: version, cipher: info.cipher, serverName: info.serverName, isResumed: info.isResumed,
            clientCertificate: info.peerCertificate.map {
                ClientCertificateFacts(
                    isVerified: $0.isVerified, subject: $0.subject, fingerprint: $0.fingerprint)
            })
    }
}
