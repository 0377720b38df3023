import Bytes
import Glibc
import Testing

@testable import Reactor

@Suite("Signals, files and the service manager")
struct ProcessTests {
    @Test("A blocked signal arrives as an event of the loop")
    func signal() throws {
        let received = Locked<[Int32]>([])
        // On a thread of its own, so that the test runner's signal mask stays as it is.
        let thread = try NativeThread.start("signals") {
            guard (try? Signals.blockAll()) != nil, let loop = try? EventLoop() else { return }
            let source = try? Signals([SIGUSR1, SIGUSR2], on: loop) { signal in
                received.withLock { $0.append(signal) }
                loop.stop()
            }
            pthread_kill(pthread_self(), SIGUSR2)
            if source != nil { loop.run() }
        }
        thread.join()
        #expect(received.withLock { $0 } == [SIGUSR2])
    }

    @Test("A file that is replaced by rename, and a directory that goes, are both told once per batch")
    func fileWatch() throws {
        let (watched, other) = (try TemporaryDirectory(), try TemporaryDirectory())
        let loop = try EventLoop()
        var seen: [[String]] = []
        let watch = try FileWatch(on: loop) { seen.append($0) }
        try watch.watch(directoryOf: watched.path + "/cert.pem")
        loop.turn(atMost: 0)
        #expect(seen.isEmpty)
        let file = FileDescriptor(owning: open(other.path + "/new", O_CREAT | O_WRONLY, 0o600))
        #expect(file.rawValue >= 0)
        rename(other.path + "/new", watched.path + "/cert.pem")
        loop.turn(atMost: 0)
        #expect(seen == [[watched.path]])
        unlink(watched.path + "/cert.pem")
        rmdir(watched.path)
        loop.turn(atMost: 0)
        #expect(seen == [[watched.path], [watched.path]])
        #expect(throws: Errno.notFound) { try watch.watch(directory: watched.path) }
    }

    @Test("LISTEN_FDS counts only for the process that it names")
    func inherited() {
        let parse = ServiceManager.parse
        #expect(parse("42", "2", "smtp:", 42) == [.init(name: "smtp", fd: 3), .init(name: "unknown", fd: 4)])
        #expect(parse("41", "2", "smtp:x", 42) == [])
        #expect(parse("42", nil, nil, 42) == [])
        #expect(parse("42", "-1", nil, 42) == [])
        #expect(parse("42", "99999999", nil, 42) == [])
    }

    @Test("A notification is one datagram with the text as it is")
    func notify() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/notify"
        let fd = FileDescriptor(owning: socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
        let address = try SocketAddress(path: path)
        #expect(address.reading { bind(fd.rawValue, $0, $1) } == 0)
        #expect(ServiceManager.send("READY=1\nSTATUS=up", to: path))
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = recv(fd.rawValue, &bytes, 64, Int32(MSG_DONTWAIT))
        #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "READY=1\nSTATUS=up")
        #expect(!ServiceManager.send("READY=1", to: directory.path + "/nobody"))
    }

    @Test("Errors have the kernel's names and privileges name the unknown user")
    func names() {
        #expect(Errno(EADDRINUSE).description == "Address already in use (EADDRINUSE)")
        #expect(Errno(99999).name == "E99999")
        #expect(throws: Privileges.Failure.unknownUser("no-such-user-here")) {
            try Privileges.drop(to: "no-such-user-here")
        }
    }
}
