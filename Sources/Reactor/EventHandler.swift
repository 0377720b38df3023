import CLinux

/// What a descriptor can do now.
///
/// Empty when the call was asked for with `EventLoop.again` and no event stands behind it.
public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt32

    @inlinable
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    public static let readable = Readiness(rawValue: 1)
    public static let writable = Readiness(rawValue: 2)
    /// The peer has sent its last byte (FIN) or both directions are gone; what it sent before can still be read.
    public static let hangup = Readiness(rawValue: 4)
    /// An error is pending on the socket; the next read or write names it.
    public static let error = Readiness(rawValue: 8)

    @inline(__always)
    init(epoll events: UInt32) {
        var value: UInt32 = 0
        if events & EPOLLIN.rawValue != 0 { value |= 1 }
        if events & EPOLLOUT.rawValue != 0 { value |= 2 }
        if events & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue) != 0 { value |= 4 }
        if events & EPOLLERR.rawValue != 0 { value |= 8 }
        rawValue = value
    }
}

/// Whoever owns a registered descriptor.
public protocol EventHandler: AnyObject {
    /// An edge arrived, or the turn that was asked for with `again`.
    ///
    /// `tag` is what the descriptor was registered with: an owner of two descriptors tells them apart by it.
    func ready(_ readiness: Readiness, tag: UInt32)
}

/// Whoever owns a timer.
public protocol TimerHandler: AnyObject {
    /// The deadline has passed. The timer is no longer armed and may be armed again from here.
    func timerFired(tag: UInt32)
}

/// A registered descriptor: a slot of the loop and the generation of its use.
///
/// An event that was fetched for an earlier use of the slot carries another generation and meets nobody.
public struct Registration: Hashable, Sendable {
    let slot: UInt32
    let generation: UInt32

    @inline(__always)
    init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    /// The value in epoll's data field.
    @inline(__always)
    init(token: UInt64) {
        self.init(slot: UInt32(truncatingIfNeeded: token), generation: UInt32(truncatingIfNeeded: token >> 32))
    }

    @inline(__always)
    var token: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}
