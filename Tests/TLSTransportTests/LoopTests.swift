import Bytes
import Reactor
import Testing

@testable import TLSTransport

/// One end of a connection on a loop, driven by edges alone: it sends `toSend` and collects or echoes what comes.
private final class End: EventHandler {
    let loop: EventLoop
    var transport: Transport
    var input: InputBuffer
    var output: OutputBuffer
    var registration: Registration?
    let echoes: Bool
    var received = 0
    var checksum: UInt64 = 0
    var isConnected: Bool
    var finished: () -> Void = {}
    var failure: TransportError?
    /// Reads in one turn; more go on the ready list.
    static let budget = 2

    init(_ socket: consuming Socket, loop: EventLoop, pool: BufferPool, echoes: Bool, handshakes: Bool) throws {
        self.loop = loop
        self.echoes = echoes
        isConnected = !handshakes
        transport = Transport(socket)
        input = InputBuffer(pool: pool)
        output = OutputBuffer(pool: pool)
        registration = try loop.register(transport.rawValue, self)
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        transport.ready(readiness)
        if !isConnected { shakeHands() }
        guard isConnected else { return }
        write()
        read()
        write()
    }

    private func shakeHands() {
        switch transport.handshake() {
        case .done: isConnected = true
        case .wouldBlock: break
        case .failed(let error): end(error)
        }
    }

    private func read() {
        for _ in 0..<Self.budget {
            if echoes, output.isAboveHighWater { return }
            switch transport.read(into: &input) {
            case .bytes: take()
            case .wouldBlock: return
            case .endOfStream: return end(nil)
            case .failed(let error): return end(error)
            }
        }
        registration.map { loop.again($0) }
    }

    private func take() {
        var copy: [UInt8] = []
        let count = input.count
        copy.reserveCapacity(count)
        do {
            let span = input.unread
            for i in 0..<span.byteCount { copy.append(span.unsafeLoad(fromByteOffset: i, as: UInt8.self)) }
        }
        input.consume(count)
        received += count
        for byte in copy { checksum = checksum &* 31 &+ UInt64(byte) }
        if echoes { output.append(copy) }
        finished()
    }

    private func write() {
        let wasFull = output.isAboveHighWater
        writing: while !output.isEmpty {
            switch transport.write(from: &output) {
            case .bytes: continue
            case .wouldBlock, .endOfStream: break writing
            case .failed(let error): return end(error)
            }
        }
        // Reading was held back and no edge will repeat what waits.
        if wasFull, !output.isAboveHighWater { registration.map { loop.again($0) } }
    }

    /// The first end counts.
    func end(_ error: TransportError?) {
        guard let ended = registration else { return }
        failure = error
        loop.deregister(ended, closing: true)
        registration = nil
        transport.close()
        finished()
    }
}

@Suite("Transports on a loop, over TCP")
struct LoopTests {
    @Test("A megabyte is echoed by edges and the ready list alone, with backpressure", arguments: [false, true])
    func echo(isTLS: Bool) throws {
        let loop = try EventLoop()
        let pool = BufferPool()
        let listener = try Listener(on: Endpoint(address: IPAddress(v4: 0x7F00_0001), port: 0))
        let local = listener.localEndpoint
        let place = try #require(local)
        let client = try End(
            Socket.connect(to: place), loop: loop, pool: pool, echoes: false, handshakes: isTLS)
        var accepted = try listener.accept()
        while accepted == nil {
            loop.turn(atMost: 1)
            accepted = try listener.accept()
        }
        guard let socket = accepted.take()?.takeSocket() else { return }
        let server = try End(socket, loop: loop, pool: pool, echoes: true, handshakes: isTLS)
        if isTLS { try begin(client, server) }

        let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 9) }
        client.output.append(sent)
        client.finished = { [unowned client] in
            if client.received >= sent.count, client.registration != nil { client.end(nil) }
        }
        server.finished = { [unowned server] in if server.registration == nil { loop.stop() } }
        client.registration.map { loop.again($0) }
        loop.run()
        #expect(client.received == sent.count)
        #expect(client.checksum == sent.reduce(0) { $0 &* 31 &+ UInt64($1) })
        #expect(server.received == sent.count)
        #expect(server.failure == nil && client.failure == nil)
    }

    private func begin(_ client: End, _ server: End) throws {
        let fixtures = try Fixtures.shared.get()
        guard let drained = server.input.plaintextDrained(), let clientDrained = client.input.plaintextDrained() else {
            throw Conversation.NotDrained()
        }
        try server.transport.startTLS(drained, server: fixtures.server())
        try client.transport.startTLS(
            clientDrained, client: fixtures.client(trusting: fixtures.main), peer: .name("mail.example.org"))
    }
}
