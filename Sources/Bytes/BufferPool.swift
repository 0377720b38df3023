/// Memory for buffers that come and go with traffic.
///
/// A worker owns one pool and gives it to the buffers of its sessions; it is not shared between threads.
/// A buffer borrows a block when the first byte arrives and returns it when the last one is consumed,
/// so a session that is silent holds no buffer memory at all.
@safe
public final class BufferPool {
    /// Octets in a block: the unit of a socket read, and four times the longest command line.
    public static let blockSize = 16 * 1024

    /// Blocks that are kept for reuse; above this they go back to the allocator.
    public static let keptBlocks = 256

    private var free: [UnsafeMutableRawPointer] = unsafe []

    public init() {
        unsafe free.reserveCapacity(Self.keptBlocks)
    }

    deinit {
        unsafe free.forEach { unsafe $0.deallocate() }
    }

    @inlinable
    func takeBlock() -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: pop(), count: Self.blockSize)
    }

    /// Takes a block back, or frees it when it is larger than a block (a grown buffer).
    @inlinable
    func give(_ block: UnsafeMutableRawBufferPointer) {
        guard let base = block.baseAddress else { return }
        unsafe push(base, count: block.count)
    }

    @usableFromInline
    func pop() -> UnsafeMutableRawPointer {
        unsafe free.popLast() ?? .allocate(byteCount: Self.blockSize, alignment: 16)
    }

    @usableFromInline
    func push(_ base: UnsafeMutableRawPointer, count: Int) {
        if count == Self.blockSize, unsafe free.count < Self.keptBlocks {
            unsafe free.append(base)
        } else {
            unsafe base.deallocate()
        }
    }
}
