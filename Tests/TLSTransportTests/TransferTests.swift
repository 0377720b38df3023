import Bytes
import Reactor
import Testing

@testable import TLSTransport

@Suite("Moving bytes, in clear and under TLS")
struct TransferTests {
    let conversation: Conversation

    init() throws {
        conversation = try Conversation()
    }

    private func establish() throws {
        let fixtures = try Fixtures.shared.get()
        try conversation.begin(fixtures.server(), fixtures.client())
        let results = conversation.handshake()
        #expect(results.server.info != nil && results.client.info != nil)
    }

    @Test("A megabyte arrives whole and in order through a full socket buffer", arguments: [false, true])
    func backpressure(isTLS: Bool) throws {
        if isTLS { try establish() }
        let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
        conversation.clientOutput.append(sent)
        var received: [UInt8] = []
        var input = InputBuffer(pool: BufferPool())
        var blocked = 0
        while received.count < sent.count {
            conversation.client.ready(.writable)
            writing: while !conversation.clientOutput.isEmpty {
                switch conversation.client.write(from: &conversation.clientOutput) {
                case .bytes: continue
                case .wouldBlock:
                    blocked += 1
                    break writing
                case .endOfStream, .failed:
                    Issue.record("the client's side broke")
                    return
                }
            }
            conversation.server.ready(.readable)
            reading: while true {
                switch conversation.server.read(into: &input) {
                case .bytes:
                    received += input.unread.withUnsafeBytes { Array($0) }
                    input.consume(.max)
                case .wouldBlock: break reading
                case .endOfStream, .failed:
                    Issue.record("the server's side broke")
                    return
                }
            }
        }
        #expect(blocked > 0, "the buffer was never full, so this proved nothing")
        #expect(received == sent)
    }

    @Test("After a short read nothing is tried until an event says so")
    func shortRead() {
        #expect(conversation.clientSends("one") == .bytes(3))
        let first = conversation.server.read(into: &conversation.serverInput)
        #expect(first == .bytes(3))
        conversation.clientOutput.append("two")
        let written = conversation.client.write(from: &conversation.clientOutput)
        #expect(written == .bytes(3))
        let untold = conversation.server.read(into: &conversation.serverInput)
        #expect(untold == .wouldBlock)
        let isWorthWhileUntold = conversation.server.isWorthReading
        #expect(!isWorthWhileUntold)
        conversation.server.ready(.readable)
        let isWorthWhileTold = conversation.server.isWorthReading
        #expect(isWorthWhileTold)
        let told = conversation.server.read(into: &conversation.serverInput)
        #expect(told == .bytes(3))
    }

    @Test("A FIN that came with the last bytes is met without another event")
    func hangupWithData() {
        #expect(conversation.clientSends("QUIT\r\n") == .bytes(6))
        conversation.client.close()
        conversation.server.ready([.readable, .hangup])
        let bytes = conversation.server.read(into: &conversation.serverInput)
        let isWorthMore = conversation.server.isWorthReading
        #expect(isWorthMore)
        let end = conversation.server.read(into: &conversation.serverInput)
        #expect(bytes == .bytes(6))
        #expect(end == .endOfStream)
    }

    @Test("The last bytes and the end that follows arrive, in clear and under TLS", arguments: [false, true])
    func lastBytes(isTLS: Bool) throws {
        if isTLS { try establish() }
        conversation.serverOutput.append("221 bye\r\n")
        let written = conversation.server.write(from: &conversation.serverOutput, isLast: true)
        #expect(written == .bytes(9))
        conversation.server.close()
        #expect(conversation.clientReads() == .bytes(9))
        #expect(conversation.clientReads() == .endOfStream)
    }

    @Test("Octets are written from the input buffer where they lie", arguments: [false, true])
    func writesInput(isTLS: Bool) throws {
        if isTLS { try establish() }
        conversation.serverInput.append(Array("onetwo".utf8))
        let written = conversation.server.write(first: 3, of: conversation.serverInput)
        #expect(written == .bytes(3))
        #expect(conversation.serverInput.count == 6, "they are still there")
        #expect(conversation.clientReads() == .bytes(3))
        let read = conversation.clientInput.takeAll()
        #expect(read == Array("one".utf8))
    }

    @Test("What stands behind the last handshake message is read without another event")
    func octetsBehindHandshake() throws {
        let fixtures = try Fixtures.shared.get()
        try conversation.begin(fixtures.server(), fixtures.client())
        conversation.tellBoth()
        _ = conversation.client.handshake()
        _ = conversation.server.handshake()
        #expect(conversation.client.handshake().info != nil)
        conversation.clientOutput.append("EHLO x\r\n")
        let written = conversation.client.write(from: &conversation.clientOutput)
        #expect(written == .bytes(8))
        // As after a short read in clear, with no event since: the kernel's edge may have come and gone.
        conversation.server.mayRead = false
        #expect(conversation.server.handshake().info != nil)
        let read = conversation.server.read(into: &conversation.serverInput)
        #expect(read == .bytes(8))
    }

    @Test("A full input buffer leaves the rest of a TLS record for later, and none is lost")
    func recordLargerThanRoom() throws {
        try establish()
        conversation.serverInput.append(repeatElement(0x78, count: InputBuffer.capacity - 10))
        #expect(conversation.clientSends("0123456789ABCDEF") == .bytes(16))
        #expect(conversation.serverReads() == .bytes(10))
        #expect(conversation.serverReads() == .bytes(0), "full")
        conversation.serverInput.consume(.max)
        // No event: the rest is inside OpenSSL, where the kernel does not see it.
        let rest = conversation.server.read(into: &conversation.serverInput)
        #expect(rest == .bytes(6))
    }

    @Test("A write to a peer that has gone fails as the peer's reset")
    func brokenPipe() throws {
        try establish()
        conversation.client.abort()
        var last = IOResult<TransportError>.wouldBlock
        for _ in 0..<3 where last != .failed(Transport.closed) {
            last = conversation.serverSends("250 x\r\n")
            if case .failed(let error) = last {
                #expect(error.fault == .peer)
                #expect(error.code == .connectionReset)
                return
            }
        }
        Issue.record("writes kept succeeding: \(last)")
    }
}
