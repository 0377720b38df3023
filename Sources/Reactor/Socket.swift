public import Bytes
import CLinux
import Glibc

/// What one attempt to move bytes came to.
public enum IOResult<Failure: Error>: Sendable, Equatable where Failure: Equatable & Sendable {
    /// This many octets moved. 0 only where there was nothing to do: a full input buffer, an empty output buffer.
    case bytes(Int)
    /// Nothing can move before the next event.
    case wouldBlock
    /// The peer sent its last byte; there will be no more to read.
    case endOfStream
    case failed(Failure)
}

/// A connected stream socket with one owner, nonblocking and close-on-exec.
public struct Socket: ~Copyable, Sendable {
    let descriptor: FileDescriptor

    /// Adopts a descriptor that is nonblocking already.
    public init(_ descriptor: consuming FileDescriptor) {
        self.descriptor = descriptor
    }

    /// The number, for `EventLoop.register`.
    public var rawValue: Int32 { descriptor.rawValue }

    /// Gives the descriptor away.
    public consuming func takeDescriptor() -> FileDescriptor {
        descriptor
    }

    /// Two sockets connected to each other, for tests and for messages between threads.
    public static func pair() throws(Errno) -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        _ = try retrying { socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) }
        _ = try retrying { reeve_set_nonblocking(ends[0]) }
        _ = try retrying { reeve_set_nonblocking(ends[1]) }
        return (ends[0], ends[1])
    }
}

// MARK: Moving bytes

extension Socket {
    /// One read straight into the free space of `input`.
    ///
    /// `isDrained` becomes true when the kernel gave less than there was room for: it has no more now.
    public func read(into input: inout InputBuffer, isDrained: inout Bool) -> IOResult<Errno> {
        if input.isFull { return .bytes(0) }
        var room = 0
        do throws(Errno) {
            let count = try input.fill { (space) throws(Errno) -> Int in
                room = space.count
                return Int(try retrying { Int32(truncatingIfNeeded: recv(rawValue, space.baseAddress, room, 0)) })
            }
            isDrained = count < room
            return count == 0 ? .endOfStream : .bytes(count)
        } catch {
            return Errno.isTransient(error.code) ? .wouldBlock : .failed(error)
        }
    }

    /// One read straight into the free space of `input`.
    public func read(into input: inout InputBuffer) -> IOResult<Errno> {
        var isDrained = false
        return read(into: &input, isDrained: &isDrained)
    }

    /// One write of what waits in `output`; what was written is consumed.
    ///
    /// `isLast` says that FIN follows at once: the kernel sends both in one segment.
    public func write(from output: inout OutputBuffer, isLast: Bool = false) -> IOResult<Errno> {
        if output.isEmpty { return .bytes(0) }
        let flags = Int32(MSG_NOSIGNAL) | (isLast ? Int32(MSG_MORE) : 0)
        let count = output.pending.withUnsafeBytes { Glibc.send(rawValue, $0.baseAddress, $0.count, flags) }
        guard count >= 0 else {
            let error = Errno.last
            if error.code == EINTR { return write(from: &output, isLast: isLast) }
            return Errno.isTransient(error.code) ? .wouldBlock : .failed(error)
        }
        output.consume(count)
        return .bytes(count)
    }

    /// One write of the first `count` octets of `input`, which stay there.
    public func write(first count: Int, of input: borrowing InputBuffer) -> IOResult<Errno> {
        let octets = input.unread.extracting(first: count)
        if octets.byteCount == 0 { return .bytes(0) }
        while true {
            let written = octets.withUnsafeBytes {
                Glibc.send(rawValue, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if written >= 0 { return .bytes(written) }
            let error = Errno.last
            if error.code == EINTR { continue }
            return Errno.isTransient(error.code) ? .wouldBlock : .failed(error)
        }
    }

    /// Copies up to `limit` octets that wait in the kernel and leaves them there (a PROXY header).
    ///
    /// Empty when nothing waits or the peer has closed; the read that follows tells which.
    public func peek(_ limit: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: min(max(limit, 0), InputBuffer.capacity))
        let count = bytes.withUnsafeMutableBytes {
            Glibc.recv(rawValue, $0.baseAddress, $0.count, Int32(MSG_PEEK))
        }
        guard count >= 0 else {
            let error = Errno.last
            if Errno.isTransient(error.code) || error.code == EINTR { return [] }
            throw error
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Reads exactly up to `count` octets that a `peek` has shown; throws when fewer were there.
    public func skip(_ count: Int) throws(Errno) {
        var bytes = [UInt8](repeating: 0, count: min(max(count, 0), InputBuffer.capacity))
        let read = bytes.withUnsafeMutableBytes { Glibc.recv(rawValue, $0.baseAddress, $0.count, 0) }
        guard read >= 0 else { throw .last }
        guard read == count else { throw .invalid }
    }
}

// MARK: Ending

extension Socket {
    /// Keeps what is written from now on until the connection is closed or shut down, so that it leaves with FIN.
    public func holdUntilClose() {
        setOption(rawValue, Int32(IPPROTO_TCP), Int32(TCP_CORK), 1)
    }

    /// Sends FIN and keeps reading; an error means that the connection is gone already.
    @discardableResult
    public func shutdownWrite() -> Bool {
        Glibc.shutdown(rawValue, Int32(SHUT_WR)) == 0
    }

    /// Closes with RST and drops what is unsent.
    public consuming func abort() {
        _ = reeve_linger_zero(rawValue)
    }

    /// Makes a later close send RST and drop what is unsent.
    public func abortOnClose() {
        _ = reeve_linger_zero(rawValue)
    }

    /// The error that is pending on the socket, and clears it; nil when there is none.
    ///
    /// After a connection attempt the first `writable` event asks this: nil means connected.
    public func pendingError() -> Errno? {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(rawValue, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return .last }
        return code == 0 ? nil : Errno(code)
    }
}

// MARK: Who is at the ends

/// The process at the other end of a unix-domain socket, as the kernel saw it when it connected.
public struct PeerCredentials: Hashable, Sendable {
    public let pid: Int32
    public let uid: UInt32
    public let gid: UInt32
}

extension Socket {
    /// Our end; nil for a unix-domain socket.
    public var localEndpoint: Endpoint? {
        var address = SocketAddress()
        guard address.filling({ getsockname(rawValue, $0, $1) }) == 0 else { return nil }
        return address.endpoint
    }

    /// The peer's end; nil for a unix-domain socket or once the connection is gone.
    public var peerEndpoint: Endpoint? {
        var address = SocketAddress()
        guard address.filling({ getpeername(rawValue, $0, $1) }) == 0 else { return nil }
        return address.endpoint
    }

    /// Who connected, on a unix-domain socket.
    public func peerCredentials() throws(Errno) -> PeerCredentials {
        var (pid, uid, gid): (Int32, UInt32, UInt32) = (0, 0, 0)
        guard reeve_peer_credentials(rawValue, &pid, &uid, &gid) == 0 else { throw .last }
        return PeerCredentials(pid: pid, uid: uid, gid: gid)
    }
}
