import Bytes
import Glibc
import Testing

@testable import Reactor

@Suite("Sockets on loopback")
struct SocketTests {
    let pool = BufferPool()
    let loop: EventLoop

    init() throws {
        loop = try EventLoop()
    }

    private func endpoint(_ address: String, _ port: UInt16 = 0) throws -> Endpoint {
        Endpoint(address: try #require(IPAddress(address)), port: port)
    }

    /// Turns the loop until `fd` was reported with `readiness`.
    private func wait(for readiness: Readiness, of fd: Int32) throws {
        let recorder = Recorder()
        let registration = try loop.register(fd, recorder)
        while !recorder.events.contains(where: { !$0.readiness.isDisjoint(with: readiness) }) { loop.turn() }
        loop.deregister(registration)
    }

    private func place(of listener: borrowing Listener) throws -> Endpoint {
        let endpoint = listener.localEndpoint
        return try #require(endpoint)
    }

    private func accept(_ listener: borrowing Listener) throws -> Accepted {
        while true {
            if let accepted = try listener.accept() { return accepted }
            try wait(for: .readable, of: listener.rawValue)
        }
    }

    @Test("A connection carries bytes both ways and both ends agree on who they are", arguments: ["127.0.0.1", "::1"])
    func roundTrip(address: String) throws {
        let listener = try Listener(on: endpoint(address))
        let local = try place(of: listener)
        let none = try listener.accept() == nil
        #expect(none)
        let client = try Socket.connect(to: local)
        let accepted = try accept(listener)
        let peer = accepted.peer
        let server = accepted.takeSocket()
        try wait(for: .writable, of: client.rawValue)
        let failure = client.pendingError()
        #expect(failure == nil)
        let ends = [client.localEndpoint, server.localEndpoint, client.peerEndpoint]
        #expect(ends == [peer, local, local])

        var output = OutputBuffer(pool: pool)
        var input = InputBuffer(pool: pool)
        output.append("EHLO x\r\n")
        let before = server.read(into: &input)
        #expect(before == .wouldBlock)
        let written = client.write(from: &output)
        #expect(written == .bytes(8))
        try wait(for: .readable, of: server.rawValue)
        let peeked = try server.peek(4)
        #expect(peeked == Array("EHLO".utf8))
        let read = server.read(into: &input)
        #expect(read == .bytes(8))
        client.shutdownWrite()
        try wait(for: .hangup, of: server.rawValue)
        let end = server.read(into: &input)
        #expect(end == .endOfStream)
    }

    @Test("A v4-mapped client of a dual-stack listener is an IPv4 address")
    func mapped() throws {
        var options = ListenerOptions()
        options.v6Only = false
        let listener = try Listener(on: endpoint("::"), options)
        let port = try place(of: listener).port
        let client = try Socket.connect(to: endpoint("127.0.0.1", port))
        let accepted = try accept(listener)
        let (peer, own) = (accepted.peer, client.localEndpoint)
        #expect(peer?.address == IPAddress("127.0.0.1"))
        #expect(peer == own)
    }

    @Test("Nodelay is inherited from the listener and descriptors are nonblocking and closed on exec")
    func flags() throws {
        let listener = try Listener(on: endpoint("127.0.0.1"))
        let client = try Socket.connect(to: place(of: listener))
        let server = try accept(listener).takeSocket()
        var value: Int32 = 0
        var length = socklen_t(4)
        let fd = server.rawValue
        getsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &value, &length)
        #expect(value != 0)
        #expect(fcntl(fd, F_GETFL) & O_NONBLOCK != 0)
        #expect(fcntl(fd, F_GETFD) & FD_CLOEXEC != 0)
        _ = consume client
        _ = consume server
    }

    @Test("A port held under SO_REUSEPORT is found taken by the probe, and free once it is closed")
    func probe() throws {
        var options = ListenerOptions()
        options.reusePort = true
        // An address of its own, so that no other test's port comes and goes here.
        let held = try Listener(on: endpoint("127.0.0.7"), options)
        let taken = try place(of: held)
        #expect(Listener.probe(taken) == .addressInUse)
        do {
            let second = try place(of: Listener(on: taken, options))
            #expect(second == taken, "the silent second bind that the probe is there for")
        }
        _ = consume held
        #expect(Listener.probe(taken) == nil)
    }

    @Test("A refused connection says so, at once or by the pending error")
    func refused() throws {
        let free = try place(of: Listener(on: endpoint("127.0.0.9")))
        do {
            let client = try Socket.connect(to: free)
            try wait(for: [.error, .hangup, .writable], of: client.rawValue)
            let failure = client.pendingError()
            #expect(failure == .connectionRefused)
        } catch let error as Errno {
            #expect(error == .connectionRefused)
        }
    }

    @Test("An aborted connection resets the peer")
    func abort() throws {
        let listener = try Listener(on: endpoint("127.0.0.1"))
        let client = try Socket.connect(to: place(of: listener))
        let server = try accept(listener).takeSocket()
        client.abort()
        try wait(for: [.error, .hangup], of: server.rawValue)
        var input = InputBuffer(pool: pool)
        let read = server.read(into: &input)
        #expect(read == .failed(.connectionReset))
    }

    @Test("A full buffer is not read into, and a write to a closed peer is an error, not a signal")
    func edgesOfReadAndWrite() throws {
        let (left, right) = try Socket.pair()
        let socket = Socket(FileDescriptor(owning: left))
        var input = InputBuffer(pool: pool)
        input.append(repeatElement(0x78, count: InputBuffer.capacity))
        let read = socket.read(into: &input)
        #expect(read == .bytes(0))
        Glibc.close(right)
        var output = OutputBuffer(pool: pool)
        let nothing = socket.write(from: &output)
        #expect(nothing == .bytes(0))
        output.append("x")
        let written = socket.write(from: &output)
        #expect(written == .failed(.brokenPipe))
    }

    @Test("A unix-domain listener has its mode, knows its peers, and replaces only a dead socket file")
    func unixDomain() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/control"
        let listener = try Listener(path: path)
        var status = stat()
        stat(path, &status)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(throws: Errno.addressInUse) { _ = try Listener(path: path) }
        let client = try Socket.connect(toPath: path)
        let server = try accept(listener).takeSocket()
        let credentials = try server.peerCredentials()
        #expect(credentials == PeerCredentials(pid: getpid(), uid: getuid(), gid: getgid()))
        let peer = client.peerEndpoint
        #expect(peer == nil)
        _ = consume listener
        let successor = try Listener(path: path)
        let local = successor.localEndpoint
        #expect(local == nil)
        #expect(throws: Errno.nameTooLong) {
            _ = try Listener(path: "/tmp/" + String(repeating: "x", count: 200))
        }
    }

    @Test("Only a listening socket can be adopted")
    func adopt() throws {
        let (left, right) = try Socket.pair()
        defer { Glibc.close(right) }
        #expect(throws: Errno.invalid) { _ = try Listener(adopting: FileDescriptor(owning: left)) }
        let original = try Listener(on: endpoint("127.0.0.1"))
        let adopted = try Listener(adopting: FileDescriptor(owning: dup(original.rawValue)))
        let places = [try place(of: original), try place(of: adopted)]
        #expect(places[0] == places[1])
    }
}

/// A directory that is removed with its files when the last reference goes.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/portreeve-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno.last }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                unlink(path + "/" + name)
            }
            closedir(directory)
        }
        rmdir(path)
    }
}
