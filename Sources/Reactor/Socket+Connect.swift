public import Bytes
import CLinux
import Glibc

extension Socket {
    /// Begins a TCP connection; the first `writable` event and `pendingError` tell how it ended.
    ///
    /// `source` binds our end first; its port 0 leaves the port to the kernel, which then chooses it per destination
    /// (IP_BIND_ADDRESS_NO_PORT) instead of using up one port for all of them.
    ///
    /// `speaksFirst` says that we write at once: the acknowledgement that ends the handshake then leaves with those
    /// octets. Elsewhere it would keep the server's greeting waiting.
    public static func connect(
        to endpoint: Endpoint, from source: IPAddress? = nil, speaksFirst: Bool = false
    ) throws(Errno) -> Socket {
        let address = SocketAddress(endpoint)
        let socket = Socket(try open(address.family))
        setOption(socket.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        if speaksFirst { setOption(socket.rawValue, Int32(IPPROTO_TCP), TCP_QUICKACK, 0) }
        if let source {
            setOption(socket.rawValue, Int32(IPPROTO_IP), Int32(IP_BIND_ADDRESS_NO_PORT), 1)
            let own = SocketAddress(Endpoint(address: source, port: 0))
            guard own.reading({ bind(socket.rawValue, $0, $1) }) == 0 else { throw .last }
        }
        try begin(socket.rawValue, address)
        return socket
    }

    /// Connects to a unix-domain socket; EAGAIN means that the listener's backlog is full.
    public static func connect(toPath path: String) throws(Errno) -> Socket {
        let address = try SocketAddress(path: path)
        let socket = Socket(try open(AF_UNIX))
        try begin(socket.rawValue, address)
        return socket
    }

    private static func begin(_ fd: Int32, _ address: SocketAddress) throws(Errno) {
        guard address.reading({ Glibc.connect(fd, $0, $1) }) != 0 else { return }
        let error = Errno.last
        // An interrupted connect goes on by itself, like one in progress.
        guard error.code == EINPROGRESS || error.code == EINTR else { throw error }
    }
}

func open(_ family: Int32) throws(Errno) -> FileDescriptor {
    FileDescriptor(owning: try retrying { reeve_socket(family, Int32(SOCK_STREAM.rawValue)) })
}

/// Options whose absence costs speed or comfort only; those that must hold check the result.
@discardableResult
func setOption(_ fd: Int32, _ level: Int32, _ name: Int32, _ value: Int32) -> Bool {
    var value = value
    return setsockopt(fd, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
}
