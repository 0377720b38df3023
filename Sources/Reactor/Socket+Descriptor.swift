public import Bytes
import CLinux
import Glibc

// Descriptors that travel over a unix-domain socket (SCM_RIGHTS).
extension Socket {
    /// Sends `octets` with a copy of `descriptor` beside the first of them; the whole must fit the socket's buffer.
    public func send(_ octets: [UInt8], with descriptor: borrowing FileDescriptor) throws(Errno) {
        let sent = reeve_send_descriptor(rawValue, octets, octets.count, descriptor.rawValue)
        guard sent >= 0 else { throw .last }
        guard sent == octets.count else { throw Errno(EAGAIN) }
    }

    /// What one receive brought.
    public struct Received: ~Copyable {
        /// nil when nothing waits.
        public let octets: [UInt8]?
        private let descriptor: FileDescriptor?

        init(_ octets: [UInt8]?, _ descriptor: consuming FileDescriptor?) {
            self.octets = octets
            self.descriptor = descriptor
        }

        /// The descriptor that came beside the octets; the caller owns it now.
        public consuming func takeDescriptor() -> FileDescriptor? { descriptor }
    }

    /// Reads up to `limit` octets and the descriptor that came with them; no octets mean that the peer has closed.
    public func receive(_ limit: Int) throws(Errno) -> Received {
        var raw: Int32 = -1
        var octets = [UInt8](repeating: 0, count: limit)
        let count = reeve_receive_descriptor(rawValue, &octets, limit, &raw)
        guard count >= 0 else {
            let error = Errno.last
            if Errno.isTransient(error.code) { return Received(nil, nil) }
            throw error
        }
        octets.removeLast(limit - count)
        return Received(octets, raw >= 0 ? FileDescriptor(owning: raw) : nil)
    }
}

// Sockets for intercepted connections; making them needs CAP_NET_ADMIN, using them nothing.
extension Socket {
    /// A TCP socket that is not connected yet, whose packets carry `mark`.
    ///
    /// `source` is somebody else's address that it speaks with; its port is chosen when it connects.
    public static func marked(_ mark: UInt32, family isV4: Bool, from source: IPAddress?) throws(Errno) -> Socket {
        let opened = try open(isV4 ? AF_INET : AF_INET6)
        let fd = opened.rawValue
        setOption(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        guard reeve_set_mark(fd, mark) == 0 else { throw .last }
        guard let source else { return Socket(opened) }
        guard reeve_set_transparent(fd, isV4 ? 0 : 1) == 0 else { throw .last }
        setOption(fd, Int32(IPPROTO_IP), Int32(IP_BIND_ADDRESS_NO_PORT), 1)
        let address = SocketAddress(Endpoint(address: source, port: 0))
        guard address.reading({ bind(fd, $0, $1) }) == 0 else { throw .last }
        return Socket(opened)
    }

    /// Begins the connection of a socket that was made for it elsewhere.
    public func beginConnect(to endpoint: Endpoint) throws(Errno) {
        let address = SocketAddress(endpoint)
        guard address.reading({ Glibc.connect(rawValue, $0, $1) }) != 0 else { return }
        let error = Errno.last
        guard error.code == EINPROGRESS || error.code == EINTR else { throw error }
    }
}
