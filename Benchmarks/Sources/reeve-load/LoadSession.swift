import Bytes
import Reactor
import TLSTransport

/// One client connection that walks the steps of its run.
final class LoadSession: EventHandler {
    private let load: Load
    private var transport = Transport.none()
    private var registration: Registration?
    private var input: InputBuffer
    private var output: OutputBuffer
    private var step = 0
    /// Octets of the content that were given to `output`.
    private var written = 0
    private var isConnected = false
    private var isShaking = false
    private var isHeld = false
    private let due: Instant
    private var hasGreeting = false
    private var commandBegan = Instant(nanoseconds: 0)
    private var messageBegan = Instant(nanoseconds: 0)

    init(of load: Load, due: Instant) {
        self.load = load
        self.due = due
        input = InputBuffer(pool: load.pool)
        output = OutputBuffer(pool: load.pool)
    }

    func connect(from source: IPAddress?) throws(Errno) {
        transport = Transport(try Socket.connect(to: load.target, from: source))
        registration = try load.loop.register(transport.rawValue, self)
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        guard registration != nil else { return }
        transport.ready(readiness)
        if !isConnected {
            if let error = transport.pendingError() { return end(.failed("connect: \(error)")) }
            guard !readiness.isDisjoint(with: [.writable, .readable]) else { return }
            isConnected = true
        }
        walk()
    }

    /// Takes steps, writes and reads until nothing moves.
    private func walk() {
        while registration != nil {
            let stepped = takeStep()
            guard registration != nil else { return }
            let wrote = flush()
            guard registration != nil, !stepped, !wrote else { continue }
            guard !isShaking, receive() else { return }
        }
    }

    /// True if the step is done.
    private func takeStep() -> Bool {
        guard step < load.steps.count else { return false }
        switch load.steps[step] {
        case .reply(let digit): guard hearsReply(digit) else { return false }
        case .send(let line): send(line)
        case .login: send(login(load.nextUser()))
        case .handshake: guard shakesHands() else { return false }
        case .messageBegins: messageBegan = .current()
        case .messageEnds: load.latencies.messages.append(Instant.current().since(messageBegan))
        case .content: guard givesContent() else { return false }
        case .hold:
            if !isHeld {
                isHeld = true
                load.isHeld()
            }
            return false
        case .close:
            end(.done)
            return false
        }
        step += 1
        return true
    }

    /// Consumes one whole reply, the last line of which has no hyphen.
    private func hearsReply(_ digit: UInt8) -> Bool {
        let (length, first) = input.look { bytes -> (Int, UInt8) in
            var start = 0
            for (index, byte) in bytes.enumerated() where byte == 10 {
                if index - start >= 4, bytes[start + 3] != 0x2D { return (index + 1, bytes[start]) }
                start = index + 1
            }
            return (0, 0)
        }
        guard length > 0 else { return false }
        if digit != 0, first != digit + 0x30 {
            let text = input.look { String(decoding: $0.prefix(length), as: UTF8.self) }
            end(.failed("step \(step): \(text)"))
            return false
        }
        input.consume(length)
        noteLatency()
        rememberTicket()
        return true
    }

    private func send(_ line: [UInt8]) {
        commandBegan = .current()
        output.append(line)
    }

    private func noteLatency() {
        let now = Instant.current()
        if hasGreeting {
            load.latencies.commands.append(now.since(commandBegan))
        } else {
            hasGreeting = true
            load.latencies.greetings.append(now.since(due))
        }
    }

    private func givesContent() -> Bool {
        while written < load.content.count, !output.isAboveHighWater {
            let next = min(written + 16_384, load.content.count)
            load.content.withUnsafeBytes { output.append(UnsafeRawBufferPointer(rebasing: $0[written..<next]).bytes) }
            written = next
        }
        guard written == load.content.count else { return false }
        written = 0
        commandBegan = .current()
        return true
    }

    private func flush() -> Bool {
        switch transport.write(from: &output) {
        case .bytes(let count): return count > 0
        case .wouldBlock, .endOfStream: return false
        case .failed(let error):
            end(.failed("write: \(error)"))
            return false
        }
    }

    private func receive() -> Bool {
        switch transport.read(into: &input) {
        case .bytes(let count): return count > 0
        case .wouldBlock: return false
        case .endOfStream:
            end(.failed("step \(step): the server closed"))
            return false
        case .failed(let error):
            end(.failed("read: \(error)"))
            return false
        }
    }

    private func end(_ outcome: Load.Outcome) {
        guard let registration else { return }
        self.registration = nil
        load.loop.deregister(registration, closing: true)
        transport.close()
        load.over(outcome, due: due)
    }
}

// MARK: TLS

extension LoadSession {
    private func shakesHands() -> Bool {
        if !isShaking {
            guard output.isEmpty else { return false }
            guard begins() else { return false }
            isShaking = true
        }
        switch transport.handshake() {
        case .done(let info):
            isShaking = false
            if info.isResumed { load.resumed += 1 }
            return true
        case .wouldBlock: return false
        case .failed(let error):
            end(.failed("handshake: \(error)"))
            return false
        }
    }

    private func begins() -> Bool {
        guard let proof = input.plaintextDrained() else {
            end(.failed("octets before the handshake"))
            return false
        }
        do throws(TransportError) {
            try transport.startTLS(
                proof, client: load.tls, peer: nil, resuming: load.options.resumes ? load.ticket : nil)
            return true
        } catch {
            end(.failed("\(error)"))
            return false
        }
    }

    /// TLS 1.3 sends tickets behind the handshake: they have arrived with the next reply.
    private func rememberTicket() {
        guard load.options.resumes, load.ticket == nil, transport.isTLS else { return }
        load.ticket = transport.session()
    }
}
