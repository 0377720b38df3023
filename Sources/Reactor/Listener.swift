public import Bytes
import CLinux
import Glibc

/// How a listener is opened.
public struct ListenerOptions: Sendable {
    /// Each worker opens its own listener on the same port and the kernel deals connections out.
    public var reusePort = false
    /// An IPv6 listener takes IPv6 only, so that 0.0.0.0 and [::] stand side by side.
    public var v6Only = true
    /// Allows an address that this machine does not have (yet).
    public var freeBind = false
    /// Takes connections to any address that the packet filter hands it (TPROXY); needs CAP_NET_ADMIN.
    public var transparent = false
    /// On every packet of what it accepts; 0 for none.
    public var mark: UInt32 = 0
    /// Connections that wait for `accept`; the kernel caps it at net.core.somaxconn.
    public var backlog: Int32 = 4096

    public init() {}
}

/// A connection that was accepted.
public struct Accepted: ~Copyable, Sendable {
    /// The client; nil on a unix-domain socket.
    public let peer: Endpoint?
    private let socket: Socket

    init(_ socket: consuming Socket, peer: Endpoint?) {
        self.socket = socket
        self.peer = peer
    }

    public consuming func takeSocket() -> Socket { socket }
}

/// A listening socket with one owner.
public struct Listener: ~Copyable, Sendable {
    let descriptor: FileDescriptor

    /// The number, for `EventLoop.register`.
    public var rawValue: Int32 { descriptor.rawValue }

    /// Opens a TCP listener.
    ///
    /// What it accepts inherits TCP_NODELAY from it, and that acknowledgements wait a little for something to say.
    public init(on endpoint: Endpoint, _ options: ListenerOptions = ListenerOptions()) throws(Errno) {
        let address = SocketAddress(endpoint)
        let opened = try open(address.family)
        let fd = opened.rawValue
        setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1)
        Self.prepare(fd)
        if options.reusePort, !setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1) { throw .last }
        if address.family == AF_INET6 {
            guard setOption(fd, Int32(IPPROTO_IPV6), Int32(IPV6_V6ONLY), options.v6Only ? 1 : 0) else { throw .last }
        }
        if options.freeBind, !setOption(fd, Int32(IPPROTO_IP), Int32(IP_FREEBIND), 1) { throw .last }
        if options.mark != 0, reeve_set_mark(fd, options.mark) != 0 { throw .last }
        if options.transparent, reeve_set_transparent(fd, address.family == AF_INET6 ? 1 : 0) != 0 { throw .last }
        guard address.reading({ bind(fd, $0, $1) }) == 0 else { throw .last }
        guard Glibc.listen(fd, options.backlog) == 0 else { throw .last }
        descriptor = opened
    }

    /// Opens a unix-domain listener with file mode `mode`; a socket file that nobody listens on is replaced.
    public init(path: String, mode: UInt32 = 0o600, backlog: Int32 = 128) throws(Errno) {
        let address = try SocketAddress(path: path)
        try Self.removeStale(path)
        let opened = try open(AF_UNIX)
        let fd = opened.rawValue
        // Before bind the mode of the socket decides the mode of the file: it is never open wider than asked.
        guard fchmod(fd, mode) == 0 else { throw .last }
        guard address.reading({ bind(fd, $0, $1) }) == 0 else { throw .last }
        guard chmod(path, mode) == 0 else { throw .last }
        guard Glibc.listen(fd, backlog) == 0 else { throw .last }
        descriptor = opened
    }

    /// Adopts a listening socket that was inherited (systemd); throws EINVAL if it is not one.
    public init(adopting descriptor: consuming FileDescriptor) throws(Errno) {
        let fd = descriptor.rawValue
        var listening: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 else { throw .last }
        guard listening != 0 else { throw .invalid }
        guard reeve_set_nonblocking(fd) == 0 else { throw .last }
        Self.prepare(fd)
        self.descriptor = descriptor
    }

    /// Sets what accepted connections inherit.
    ///
    /// We answer all that a client says: the acknowledgement of its first line leaves with our reply, as those of its
    /// later lines do, instead of ahead of it.
    private static func prepare(_ fd: Int32) {
        setOption(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        setOption(fd, Int32(IPPROTO_TCP), TCP_QUICKACK, 0)
    }

    /// Hands the descriptor over, to another thread's loop for instance.
    public consuming func takeDescriptor() -> FileDescriptor {
        descriptor
    }

    /// Where it listens, the kernel's choice of a port included; nil for a unix-domain socket.
    public var localEndpoint: Endpoint? {
        var address = SocketAddress()
        guard address.filling({ getsockname(rawValue, $0, $1) }) == 0 else { return nil }
        return address.endpoint
    }

    /// The next connection, or nil when none waits.
    ///
    /// Throws EMFILE or ENFILE when there is no descriptor left (`isOutOfDescriptors`): no new edge will come for
    /// those that wait, so the caller tries again by a timer. A connection that died while waiting is passed over.
    public func accept() throws(Errno) -> Accepted? {
        while true {
            var address = SocketAddress()
            let fd = address.filling { reeve_accept(rawValue, $0, $1) }
            if fd >= 0 { return Accepted(Socket(FileDescriptor(owning: fd)), peer: address.endpoint) }
            let error = Errno.last
            if Errno.isTransient(error.code) { return nil }
            guard Self.concernsOneConnection(error.code) else { throw error }
        }
    }

    /// accept(2): errors of the new socket itself, which the listener survives.
    private static func concernsOneConnection(_ code: Int32) -> Bool {
        switch code {
        case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, EPERM: true
        default: false
        }
    }

    /// Removes a socket file whose daemon is gone; a file of any other kind stays and makes `bind` fail.
    private static func removeStale(_ path: String) throws(Errno) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        do throws(Errno) {
            _ = try Socket.connect(toPath: path)
        } catch {
            guard error == .connectionRefused else { return }
            guard unlink(path) == 0 else { throw .last }
        }
    }
}

// MARK: Taken ports

extension Listener {
    /// Why `endpoint` cannot be listened on, or nil.
    ///
    /// A second daemon of the same user binds silently beside the first under SO_REUSEPORT and takes half of its
    /// connections; this bind is without it and tells. Our own listeners on that port must not be open.
    public static func probe(_ endpoint: Endpoint, freeBind: Bool = false) -> Errno? {
        var options = ListenerOptions()
        options.freeBind = freeBind
        do throws(Errno) {
            _ = try Listener(on: endpoint, options)
            return nil
        } catch {
            return error
        }
    }
}
