import CNetfilter
import Glibc
public import Reactor

/// One netlink socket with its receive buffer.
///
/// A table with an owner belongs to the socket that made it, so a process keeps one of these for its whole life.
/// Replies are read as the kernel wrote them: nf_tables answers inside `sendmsg`, before it returns.
public struct NetlinkSocket: ~Copyable {
    /// What the kernel may send in one datagram: an nf_tables message of 64 KiB and a page more.
    static let bufferSize = 1 << 17

    private let descriptor: FileDescriptor
    private let buffer: UnsafeMutableRawBufferPointer
    /// Our address in this network namespace; the kernel knows a table's owner by it.
    public let port: UInt32
    private var sequence: UInt32 = 1

    /// The number, for `EventLoop.register`.
    public var rawValue: Int32 { descriptor.rawValue }

    /// Opens a socket of `bus` (NETLINK_NETFILTER, NETLINK_ROUTE).
    public init(bus: Int32) throws(Errno) {
        let opened = FileDescriptor(owning: Glibc.socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Self.closeOnExec, bus))
        guard opened.rawValue >= 0 else { throw .last }
        port = try Self.bind(opened.rawValue)
        Self.setOption(opened.rawValue, Int32(NETLINK_EXT_ACK), 1)
        // Without it every error carries the request back, up to 64 KiB of it.
        Self.setOption(opened.rawValue, Int32(NETLINK_CAP_ACK), 1)
        Self.bound(opened.rawValue)
        descriptor = opened
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 16)
    }

    deinit {
        buffer.deallocate()
    }

    /// A number that no earlier request of this socket had.
    mutating func nextSequence() -> UInt32 {
        sequence &+= 1
        return sequence
    }

    /// Leaves out `count` numbers that a batch used.
    mutating func skipSequences(_ count: Int) {
        sequence &+= UInt32(truncatingIfNeeded: count)
    }

    private static let closeOnExec = Int32(bitPattern: SOCK_CLOEXEC.rawValue)

    /// The kernel answers at once; who waits longer waits for an answer that was lost, and gets EAGAIN.
    private static func bound(_ fd: Int32) {
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        _ = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Binds to a port id of the kernel's choice and returns it.
    private static func bind(_ fd: Int32) throws(Errno) -> UInt32 {
        var address = sockaddr_nl()
        address.nl_family = sa_family_t(AF_NETLINK)
        var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
        let done = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { plain in
                Glibc.bind(fd, plain, length) == 0 && getsockname(fd, plain, &length) == 0
            }
        }
        guard done else { throw .last }
        return address.nl_pid
    }

    @discardableResult
    static func setOption(_ fd: Int32, _ name: Int32, _ value: Int32) -> Bool {
        var value = value
        return setsockopt(fd, 270, name, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
    }
}

// MARK: Options

extension NetlinkSocket {
    /// Receives what the kernel tells group `group` (NFNLGRP_NFTABLES).
    public func join(_ group: UInt32) throws(Errno) {
        guard Self.setOption(rawValue, Int32(NETLINK_ADD_MEMBERSHIP), Int32(group)) else { throw .last }
    }

    /// Lost messages are counted by us, not told as ENOBUFS.
    public func ignoreOverruns() {
        Self.setOption(rawValue, Int32(NETLINK_NO_ENOBUFS), 1)
    }

    /// Lists are filtered by the kernel as the request says (NETLINK_GET_STRICT_CHK).
    func filterStrictly() {
        Self.setOption(rawValue, Int32(NETLINK_GET_STRICT_CHK), 1)
    }

    public func makeNonblocking() throws(Errno) {
        let flags = fcntl(rawValue, F_GETFL)
        guard flags >= 0, fcntl(rawValue, F_SETFL, flags | O_NONBLOCK) == 0 else { throw .last }
    }

    /// Asks for room of `bytes` in both directions as far as the kernel grants it.
    ///
    /// The forced form needs the initial user namespace; in a container net.core.wmem_max is the bound.
    func grow(sending: Int, receiving: Int) {
        Self.grow(rawValue, SO_SNDBUF, SO_SNDBUFFORCE, sending)
        Self.grow(rawValue, SO_RCVBUF, SO_RCVBUFFORCE, receiving)
    }

    /// Gives one of the buffers a size.
    func fix(_ option: Int32, at bytes: Int) {
        var size = Int32(clamping: bytes / 2)  // The kernel doubles it.
        _ = setsockopt(rawValue, SOL_SOCKET, option, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func grow(_ fd: Int32, _ option: Int32, _ forced: Int32, _ wanted: Int) {
        var have: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(fd, SOL_SOCKET, option, &have, &length) == 0, Int(have) < wanted else { return }
        var want = Int32(clamping: wanted)
        let size = socklen_t(MemoryLayout<Int32>.size)
        if setsockopt(fd, SOL_SOCKET, forced, &want, size) != 0 { _ = setsockopt(fd, SOL_SOCKET, option, &want, size) }
    }
}

// MARK: Moving messages

extension NetlinkSocket {
    /// Sends `bytes` to the kernel as one datagram; EMSGSIZE when it does not fit the send buffer.
    func send(_ bytes: [UInt8]) throws(Errno) {
        var kernel = sockaddr_nl()
        kernel.nl_family = sa_family_t(AF_NETLINK)
        let length = socklen_t(MemoryLayout<sockaddr_nl>.size)
        while true {
            let sent = bytes.withUnsafeBytes { data in
                withUnsafePointer(to: &kernel) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        sendto(rawValue, data.baseAddress, data.count, 0, $0, length)
                    }
                }
            }
            if sent >= 0 { return }
            guard errno == EINTR else { throw .last }
        }
    }

    /// Calls `body` with each message of the next datagram; false when none waits (only if `waiting` is false).
    func receive(waiting: Bool, _ body: (NetlinkMessage) -> Void) throws(Errno) -> Bool {
        var count = 0
        repeat {
            count = recv(rawValue, buffer.baseAddress, buffer.count, waiting ? 0 : Int32(MSG_DONTWAIT))
        } while count < 0 && errno == EINTR
        guard count >= 0 else {
            let error = Errno.last
            if !waiting, error.code == EAGAIN { return false }
            throw error
        }
        guard let start = buffer.baseAddress else { return true }
        var header = UnsafePointer(start.assumingMemoryBound(to: nlmsghdr.self))
        var left = Int32(count)
        while mnl_nlmsg_ok(header, left) {
            body(NetlinkMessage(header: header))
            guard let next = mnl_nlmsg_next(header, &left) else { break }
            header = UnsafePointer(next)
        }
        return true
    }
}
