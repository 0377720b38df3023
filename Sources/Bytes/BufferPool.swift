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

    /// Free blocks, each of which begins with the address of the next.
    @usableFromInline var free: UnsafeMutableRawPointer?
    @usableFromInline var freeCount = 0
    private var freeWide: [UnsafeMutableRawPointer] = unsafe []

    public init() {}

    deinit {
        while let block = unsafe popFree() { unsafe block.deallocate() }
        unsafe freeWide.forEach { unsafe $0.deallocate() }
    }

    @inlinable
    func takeBlock() -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: popFree() ?? Self.allocate(), count: Self.blockSize)
    }

    func takeWideBlock() -> UnsafeMutableRawBufferPointer {
        let block = unsafe freeWide.popLast() ?? .allocate(byteCount: Self.wideBlockSize, alignment: 16)
        return unsafe UnsafeMutableRawBufferPointer(start: block, count: Self.wideBlockSize)
    }

    /// Takes a block back, or frees it when it has another size (a grown buffer).
    @inlinable
    func give(_ block: UnsafeMutableRawBufferPointer) {
        guard let base = block.baseAddress else { return }
        if block.count == Self.blockSize, freeCount < Self.keptBlocks {
            unsafe base.storeBytes(of: free, as: UnsafeMutableRawPointer?.self)
            unsafe free = base
            freeCount += 1
        } else {
            unsafe giveOther(base, count: block.count)
        }
    }

    @inlinable
    func popFree() -> UnsafeMutableRawPointer? {
        guard let block = unsafe free else { return nil }
        unsafe free = block.load(as: UnsafeMutableRawPointer?.self)
        freeCount -= 1
        return unsafe block
    }

    @usableFromInline
    static func allocate() -> UnsafeMutableRawPointer {
        .allocate(byteCount: blockSize, alignment: 16)
    }

    @usableFromInline
    func giveOther(_ base: UnsafeMutableRawPointer, count: Int) {
        if count == Self.wideBlockSize, unsafe freeWide.count < Self.keptWideBlocks {
            unsafe freeWide.append(base)
        } else {
            unsafe base.deallocate()
        }
    }
}
