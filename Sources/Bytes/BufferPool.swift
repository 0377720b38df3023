/// Memory for buffers that come and go with traffic.
///
/// A worker owns one pool and gives it to the buffers of its sessions; it is not shared between threads.
/// A buffer borrows a block when the first byte arrives and returns it when the last one is consumed,
/// so a session that is silent holds no buffer memory at all.
@safe
public final class BufferPool {
    /// Octets in a block: the unit of a socket read, and four times the longest command line.
    public static let blockSize = 16 * 1024

    /// Octets in a wide block: the unit of a read while message content flows.
    public static let wideBlockSize = 64 * 1024

    /// Blocks that are kept for reuse; above this they go back to the allocator.
    public static let keptBlocks = 256
    public static let keptWideBlocks = 16

    private var free: [UnsafeMutableRawPointer] = unsafe []
    private var freeWide: [UnsafeMutableRawPointer] = unsafe []

    public init() {
        unsafe free.reserveCapacity(Self.keptBlocks)
    }

    deinit {
        unsafe free.forEach { unsafe $0.deallocate() }
        unsafe freeWide.forEach { unsafe $0.deallocate() }
    }

    @inlinable
    func takeBlock() -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: pop(), count: Self.blockSize)
    }

    @inlinable
    func takeWideBlock() -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: popWide(), count: Self.wideBlockSize)
    }

    /// Takes a block back, or frees it when it has another size (a grown buffer).
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
    func popWide() -> UnsafeMutableRawPointer {
        unsafe freeWide.popLast() ?? .allocate(byteCount: Self.wideBlockSize, alignment: 16)
    }

    @usableFromInline
    func push(_ base: UnsafeMutableRawPointer, count: Int) {
        if count == Self.blockSize, unsafe free.count < Self.keptBlocks {
            unsafe free.append(base)
        } else if count == Self.wideBlockSize, unsafe freeWide.count < Self.keptWideBlocks {
            unsafe freeWide.append(base)
        } else {
            unsafe base.deallocate()
        }
    }
}
