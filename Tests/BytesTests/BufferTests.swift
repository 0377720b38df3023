import Bytes
import Testing

@Suite("Input and output buffers")
struct BufferTests {
    let pool = BufferPool()

    @Test("What was appended is what is unread, and consuming moves on")
    func appendAndConsume() {
        var input = InputBuffer(pool: pool)
        input.append(Array("EHLO x\r\nNOOP\r\n".utf8))
        input.consume(8)
        let unread = input.unread.withUnsafeBytes { Array($0) }
        #expect(unread == Array("NOOP\r\n".utf8))
    }

    @Test("Only an empty buffer proves that the plaintext is drained")
    func drainedProof() {
        var input = InputBuffer(pool: pool)
        let fresh = isDrained(input)
        input.append([0x41])
        let filled = isDrained(input)
        input.consume(1)
        let consumed = isDrained(input)
        #expect([fresh, filled, consumed] == [true, false, true])
    }

    private func isDrained(_ input: borrowing InputBuffer) -> Bool {
        guard let proof = input.plaintextDrained() else { return false }
        _ = consume proof
        return true
    }

    @Test("A full buffer takes nothing more and loses nothing")
    func bounded() {
        var input = InputBuffer(pool: pool)
        let taken = input.append(repeatElement(0x78, count: InputBuffer.capacity + 100))
        let more = input.append([0x79])
        #expect(taken == InputBuffer.capacity)
        #expect(more == 0)
        input.consume(10)
        let after = input.append(repeatElement(0x79, count: 20))
        let count = input.count
        #expect(after == 10)
        #expect(count == InputBuffer.capacity)
    }

    @Test("A wide buffer takes four blocks, and what little is left of them moves to a small one")
    func wide() {
        var input = InputBuffer(pool: pool)
        input.isWide = true
        let taken = input.append(repeatElement(0x78, count: BufferPool.wideBlockSize + 1))
        #expect(taken == BufferPool.wideBlockSize)
        input.narrow()
        let isStillFull = input.isFull
        #expect(isStillFull, "it does not fit into a small block")
        input.consume(BufferPool.wideBlockSize - 3)
        input.narrow()
        input.isWide = false
        let more = input.append(repeatElement(0x79, count: BufferPool.blockSize))
        #expect(more == BufferPool.blockSize - 3)
        let unread = input.takeAll()
        #expect(unread == [0x78, 0x78, 0x78] + [UInt8](repeating: 0x79, count: BufferPool.blockSize - 3))
    }

    @Test("An output buffer grows, keeps order and writes decimals")
    func output() {
        var output = OutputBuffer(pool: pool)
        var expected: [UInt8] = []
        for i in 0..<9000 {
            output.append(decimal: UInt64(i))
            expected += Array("\(i)".utf8)
            if i % 100 == 99 {
                output.consume(50)
                expected.removeFirst(50)
            }
        }
        let pending = output.pending.withUnsafeBytes { Array($0) }
        #expect(pending == expected)
    }

    @Test("Text is appended as its octets, and the last ones can be taken back")
    func takingBack() {
        var output = OutputBuffer(pool: pool)
        output.append(text: "XCLIENT ADDR=2001:db8::1")
        output.removeLast(17)
        let pending = output.pending.withUnsafeBytes { Array($0) }
        #expect(pending == Array("XCLIENT".utf8))
        output.removeLast(100)
        let isEmpty = output.isEmpty
        #expect(isEmpty)
    }
}
