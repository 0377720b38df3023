/// Bytes of ours that wait to be written to a peer.
///
/// Grows as far as its owner lets it: owners stop producing at `highWater`. It holds memory only while it holds bytes.
@safe
public struct OutputBuffer: ~Copyable {
    /// Above this an owner stops reading from the other peer until the bytes are written (backpressure).
    public static let highWater = 64 * 1024

    @usableFromInline let pool: BufferPool
    @usableFromInline var block: UnsafeMutableRawBufferPointer
    @usableFromInline var head = 0
    @usableFromInline var tail = 0

    public init(pool: BufferPool) {
        self.pool = pool
        unsafe block = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    deinit {
        unsafe pool.give(block)
    }

    @inlinable public var count: Int { tail - head }
    @inlinable public var isEmpty: Bool { head == tail }
    @inlinable public var isAboveHighWater: Bool { count > Self.highWater }

    /// The bytes that wait to be written.
    @inlinable
    public var pending: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = unsafe RawSpan(
                _unsafeBytes: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(block)[head..<tail]))
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Drops the first `n` pending bytes, which were written, and gives the memory back with the last one.
    @inlinable
    public mutating func consume(_ n: Int) {
        head += min(n, count)
        if head == tail { release() }
    }

    /// Drops everything: the peer is gone.
    public mutating func discard() {
        release()
    }

    @inlinable
    public mutating func append(_ byte: UInt8) {
        ensureRoom(1)
        unsafe block[tail] = byte
        tail += 1
    }

    @inlinable
    public mutating func append(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { unsafe append($0) }
    }

    /// Appends the first `n` unread bytes of `input` (all of them if there are fewer), which stay unread.
    @inlinable
    public mutating func append(first n: Int, of input: borrowing InputBuffer) {
        append(input.unread.extracting(first: n))
    }

    @inlinable
    public mutating func append(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe append($0) }
    }

    @inlinable
    public mutating func append(_ text: StaticString) {
        unsafe append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    public mutating func append(text: String) {
        var text = text
        text.withUTF8 { unsafe append(UnsafeRawBufferPointer($0)) }
    }

    /// Takes the last `n` pending bytes back (all of them if there are fewer).
    public mutating func removeLast(_ n: Int) {
        tail -= min(n, count)
        if head == tail { release() }
    }

    /// Appends the octets of `number` in network order.
    @inlinable
    public mutating func append(bigEndian number: some FixedWidthInteger) {
        unsafe withUnsafeBytes(of: number.bigEndian) { unsafe append($0) }
    }

    /// Appends `number` in decimal digits.
    public mutating func append(decimal number: UInt64) {
        if number >= 10 { append(decimal: number / 10) }
        append(ASCII.zero + UInt8(truncatingIfNeeded: number % 10))
    }

    @inlinable
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        ensureRoom(bytes.count)
        unsafe UnsafeMutableRawBufferPointer(rebasing: block[tail...]).copyMemory(from: bytes)
        tail += bytes.count
    }

    @inlinable
    mutating func ensureRoom(_ n: Int) {
        if unsafe block.count - tail < n { makeRoom(n) }
    }

    @usableFromInline
    mutating func makeRoom(_ n: Int) {
        if unsafe block.count == 0, n <= BufferPool.blockSize {
            unsafe block = pool.takeBlock()
            return
        }
        let unread = unsafe UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(block)[head..<tail])
        if unsafe block.count >= unread.count + n {
            unsafe block.copyMemory(from: unread)
        } else {
            let size = unsafe max(block.count * 2, unread.count + n, BufferPool.blockSize)
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
            unsafe larger.copyMemory(from: unread)
            unsafe pool.give(block)
            unsafe block = larger
        }
        tail -= head
        head = 0
    }

    @usableFromInline
    mutating func release() {
        unsafe pool.give(block)
        unsafe block = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        head = 0
        tail = 0
    }
}
