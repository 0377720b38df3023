/// Bytes that a peer has sent and nobody has consumed yet.
///
/// At most one block of the pool, wide where its owner wants that: a peer cannot make it grow. It holds memory only
/// while it holds bytes.
@safe
public struct InputBuffer: ~Copyable {
    public static let capacity = BufferPool.blockSize

    /// The next block is a wide one: much is on its way.
    public var isWide = false

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

    /// True when nothing more can be read until something is consumed.
    @inlinable public var isFull: Bool { unsafe block.count > 0 && count == block.count }

    /// The bytes that wait to be consumed.
    @inlinable
    public var unread: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = unsafe RawSpan(
                _unsafeBytes: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(block)[head..<tail]))
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Drops the first `n` unread bytes (all of them if there are fewer) and gives the memory back with the last one.
    @inlinable
    public mutating func consume(_ n: Int) {
        head += min(n, count)
        if head == tail { release() }
    }

    /// Moves what is left of a wide block into a small one if it fits: it may have to wait there.
    public mutating func narrow() {
        guard unsafe block.count > Self.capacity, count <= Self.capacity, !isEmpty else { return }
        let small = unsafe pool.takeBlock()
        unsafe small.copyMemory(from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(block)[head..<tail]))
        unsafe pool.give(block)
        unsafe block = small
        (head, tail) = (0, count)
    }

    /// Consumes all unread bytes and returns a copy of them; for what is read rarely and kept.
    public mutating func takeAll() -> [UInt8] {
        let bytes = unsafe unread.withUnsafeBytes { unsafe Array($0) }
        consume(count)
        return bytes
    }

    /// Lets `fill` write into the free space and say how many bytes it wrote.
    ///
    /// The space is the whole rest of the block, so one call is one read of the socket. Nothing is called when the buffer is full.
    @inlinable
    public mutating func fill<E: Error>(
        _ fill: (UnsafeMutableRawBufferPointer) throws(E) -> Int
    ) throws(E) -> Int {
        makeRoom()
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: block[tail...])
        guard room.count > 0 else { return 0 }
        defer { if head == tail { release() } }
        let written = unsafe try fill(room)
        tail += max(0, min(written, room.count))
        return written
    }

    /// Appends what fits of `bytes` and returns how many that were; for tests and the simulation.
    @discardableResult
    public mutating func append(_ bytes: some Sequence<UInt8>) -> Int {
        var iterator = bytes.makeIterator()
        return unsafe fill { room in
            var written = 0
            while written < room.count, let byte = iterator.next() {
                unsafe room[written] = byte
                written += 1
            }
            return written
        }
    }

    @usableFromInline
    mutating func makeRoom() {
        if unsafe block.count == 0 {
            unsafe block = isWide ? pool.takeWideBlock() : pool.takeBlock()
        } else if head > 0, unsafe tail == block.count {
            let unread = unsafe UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(block)[head..<tail])
            unsafe block.copyMemory(from: unread)
            tail -= head
            head = 0
        }
    }

    @usableFromInline
    mutating func release() {
        unsafe pool.give(block)
        unsafe block = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        head = 0
        tail = 0
    }
}
