import Bytes
import Enforcement
import Reactor
import SMTPSession
import TLSTransport

// The backend's connection.

/// A session's connection to its backend, while it has one.
struct BackendLink: ~Copyable {
    var transport = Transport.none()
    var registration: Registration?
    var phase = Phase.none
    /// The slots of the server, of which one is held or waited for.
    var slots: BackendSlots?
    var server = 0

    enum Phase {
        case none
        /// All sessions of the server are in use.
        case waitingForSlot(TimerID)
        /// The helper was asked for a socket.
        case waitingForSocket
        case connecting
        case open
        case securing
        case handshaking
    }
}

extension GatewaySession {
    /// Nanoseconds that a session waits for one of the server's `max_sessions`.
    static let slotPatience: UInt64 = 5_000_000_000

    func connectBackend(_ server: Int) {
        closeBackend()
        if let route { return askForSocket(route) }
        guard settings.servers.indices.contains(server) else {
            return conversation.backendConnectFailed("unknown server", now: now)
        }
        let slots = settings.slots[server]
        backend.server = server
        backend.slots = slots
        if slots.acquire(orNotify: SlotWaiter(session: key, mailbox: worker.mailbox)) { return connect() }
        let timer = worker.loop.timers.make(self, tag: Side.backend)
        worker.loop.timers.arm(timer, at: worker.loop.now + Self.slotPatience)
        backend.phase = .waitingForSlot(timer)
    }

    /// A slot was handed to us; false if we no longer want it.
    func slotGranted() -> Bool {
        guard case .waitingForSlot(let timer) = backend.phase else { return false }
        worker.loop.timers.discard(timer)
        backend.phase = .none
        connect()
        settle()
        return true
    }

    func slotTimedOut() {
        guard case .waitingForSlot = backend.phase else { return }
        closeBackend()
        conversation.backendIsBusy(now: now)
    }

    private func connect() {
        let endpoint = settings.servers[backend.server]
        do throws(Errno) {
            try connect(
                by: try Socket.connect(to: endpoint, speaksFirst: settings.context.backend.identity.speaksFirst))
        } catch {
            failConnect(error.description)
        }
    }

    /// Waits for a connection that has begun.
    func connect(by socket: consuming Socket) throws(Errno) {
        let transport = Transport(socket)
        backend.registration = try worker.loop.register(transport.rawValue, self, tag: Side.backend)
        backend.transport = transport
        backend.phase = .connecting
    }

    func failConnect(_ reason: String) {
        closeBackend()
        conversation.backendConnectFailed(reason, now: now)
    }

    func backendReady(_ readiness: Readiness) {
        switch backend.phase {
        case .connecting: backendConnected(readiness)
        case .open:
            // It has taken QUIT and closed: what it said last is of no interest, and closing over it spares both sides
            // the rest of TCP's farewell (the kernel answers with RST, which nobody is there to see).
            if conversation.isQuittingBackend, readiness.contains(.hangup) {
                conversation.backendEnded(now: now)
            } else {
                readBackend()
            }
        case .handshaking: shakeHandsWithBackend()
        case .none, .waitingForSlot, .waitingForSocket, .securing: break
        }
    }

    private func backendConnected(_ readiness: Readiness) {
        // Writable and nothing else means connected; only a failure has an error to ask for.
        if !readiness.isDisjoint(with: [.error, .hangup]), let error = backend.transport.pendingError() {
            return failConnect(error.description)
        }
        guard readiness.contains(.writable) else { return }
        backend.phase = .open
        conversation.backendConnected(now: now)
    }

    /// Reads all that is there: replies are few and bounded by what we asked; what is only passed on goes on in turns.
    func readBackend() {
        isBackendHeld = false
        var budget = Self.byteBudget
        while case .open = backend.phase, backend.transport.isWorthReading {
            guard conversation.wantsBackendInput else { return isBackendHeld = true }
            switch backend.transport.read(into: &conversation.fromBackend) {
            case .bytes(0): return
            case .bytes(let count):
                conversation.backendSent(count, now: now)
                budget -= count
                if budget <= 0 { return readBackendLater() }
            case .wouldBlock: return
            case .endOfStream: return conversation.backendEnded(now: now)
            case .failed: return conversation.backendBroke(now: now)
            }
            if conversation.hasEffects { return }
        }
    }

    private func readBackendLater() {
        if let registration = backend.registration { worker.loop.again(registration) }
    }

    /// Writes what waits for the backend, and takes the step that waited for it to be written.
    @inline(__always)
    func writeBackend() {
        if hasBackendWork { flushBackend() }
    }

    private var hasBackendWork: Bool {
        switch backend.phase {
        case .open: !conversation.toBackend.isEmpty || conversation.lent > 0 || shutsBackend
        case .securing: true
        case .none, .waitingForSlot, .waitingForSocket, .connecting, .handshaking: false
        }
    }

    private func flushBackend() {
        while !conversation.toBackend.isEmpty || conversation.lent > 0 {
            switch writeBackendOnce() {
            case .bytes: break
            // What has to wait may have to wait for long.
            case .wouldBlock: return conversation.fromClient.narrow()
            case .endOfStream, .failed:
                conversation.toBackend.discard()
                return conversation.backendBroke(now: now)
            }
        }
        if case .securing = backend.phase { startBackendTLS() }
        if shutsBackend {
            shutsBackend = false
            backend.transport.shutdownWrite()
        }
    }

    private func writeBackendOnce() -> IOResult<TransportError> {
        if conversation.toBackend.isEmpty {
            let result = backend.transport.write(first: conversation.lent, of: conversation.fromClient)
            if case .bytes(let count) = result { conversation.backendTookLent(count, now: now) }
            return result
        }
        let result = backend.transport.write(from: &conversation.toBackend)
        if case .bytes(let count) = result { conversation.backendTook(count, now: now) }
        return result
    }

    // MARK: TLS

    private func startBackendTLS() {
        guard let proof = conversation.fromBackend.plaintextDrained() else {
            return conversation.backendSecurityFailed("data received in clear before the handshake", now: now)
        }
        guard let context = settings.backendTLS else {
            return conversation.backendSecurityFailed("TLS is not configured", now: now)
        }
        do throws(TransportError) {
            try backend.transport.startTLS(proof, client: context.context, peer: context.peer)
            backend.phase = .handshaking
            shakeHandsWithBackend()
        } catch {
            conversation.backendSecurityFailed(error.description, now: now)
        }
    }

    private func shakeHandsWithBackend() {
        switch backend.transport.handshake() {
        case .done:
            backend.phase = .open
            conversation.backendSecured(now: now)
            readBackend()
        case .wouldBlock:
            break
        case .failed(let error):
            conversation.backendSecurityFailed(error.description, now: now)
        }
    }

    func closeBackend() {
        switch backend.phase {
        case .none:
            break
        case .waitingForSlot(let timer):
            worker.loop.timers.discard(timer)
            // Granted meanwhile: the message will find nobody waiting and give the slot back.
            backend.slots?.cancel(key, worker.mailbox)
        case .waitingForSocket:
            break
        case .connecting, .open, .securing, .handshaking:
            if let registration = backend.registration { worker.loop.deregister(registration, closing: true) }
            backend.transport.close()
            backend.slots?.release()
        }
        backend.registration = nil
        backend.phase = .none
        backend.slots = nil
        conversation.fromBackend.consume(conversation.fromBackend.count)
    }
}
