import Glibc
import Reactor
import Testing

/// The filter of system calls, on threads of their own that take it along when they end.
@Suite("Confined system calls")
struct SystemCallTests {
    /// Runs `body` on a confined thread.
    private static func confined<Result>(_ body: @escaping () throws -> Result) throws -> Result {
        nonisolated(unsafe) let body = body
        nonisolated(unsafe) var result: Swift.Result<Result, any Error>?
        let thread = try NativeThread.start("confined") {
            result = Swift.Result {
                try Privileges.confineSystemCalls(everyThread: false)
                return try body()
            }
        }
        thread.join()
        return try #require(result).get()
    }

    /// A function that Swift does not let anybody call by its name.
    private static func call<Function>(_ name: String, as: Function.Type) throws -> Function {
        unsafeBitCast(try #require(dlsym(nil, name)), to: Function.self)
    }

    /// What a call that returns 0 or more, or -1, says: 0, or the error.
    private static func code(_ result: Int32) -> Int32 { result < 0 ? errno : 0 }

    @Test func `No program is executed and no process is made`() throws {
        let codes = try Self.confined {
            var words: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
            defer { free(words[0]) }
            var child: pid_t = 0
            let executed = Self.code(execv("/bin/true", &words))
            let spawned = posix_spawn(&child, "/bin/true", nil, nil, &words, nil)
            let forked = try Self.call("fork", as: (@convention(c) () -> Int32).self)()
            return [executed, spawned, Self.code(forked)]
        }
        #expect(codes == [EPERM, EPERM, EPERM])
    }

    @Test func `Namespaces, mounts and roots are out of reach`() throws {
        let codes = try Self.confined {
            let unshare = try Self.call("unshare", as: (@convention(c) (Int32) -> Int32).self)
            return [
                Self.code(unshare(0x4000_0000)), Self.code(mount("none", "/mnt", "tmpfs", 0, nil)),
                Self.code(try Self.call("chroot", as: (@convention(c) (UnsafePointer<CChar>) -> Int32).self)("/")),
                Self.code(sethostname("x", 1)), Self.code(kill(getppid(), 0)),
            ]
        }
        #expect(codes == [EPERM, EPERM, EPERM, EPERM, EPERM])
    }

    @Test(arguments: [AF_UNIX, AF_NETLINK, AF_INET, AF_INET6]) func `Sockets of its work can be made`(_ family: Int32)
        throws
    {
        let kind = family == AF_NETLINK ? SOCK_RAW : SOCK_STREAM
        let code = try Self.confined {
            let made = socket(family, Int32(kind.rawValue), 0)
            defer { close(made) }
            return Self.code(made)
        }
        #expect(code == 0)
    }

    @Test(arguments: [AF_PACKET, AF_BLUETOOTH]) func `Sockets of other families cannot`(_ family: Int32) throws {
        let code = try Self.confined { Self.code(socket(family, Int32(SOCK_RAW.rawValue), 0)) }
        #expect(code == EPERM)
    }

    @Test func `Memory is writable or nothing, but never executable`() throws {
        let (plain, executable, changed) = try Self.confined {
            let flags = MAP_PRIVATE | MAP_ANONYMOUS
            let plain = mmap(nil, 4096, PROT_READ | PROT_WRITE, flags, -1, 0)
            let changed = Self.code(mprotect(plain, 4096, PROT_READ | PROT_EXEC))
            let executable = mmap(nil, 4096, PROT_READ | PROT_EXEC, flags, -1, 0)
            return (plain != MAP_FAILED, executable == MAP_FAILED && errno == EPERM, changed)
        }
        #expect(plain)
        #expect(executable)
        #expect(changed == EPERM)
    }

    @Test func `A loop, files, sockets and threads go on as before`() throws {
        let seen = try Self.confined {
            let directory = "/tmp/portreeve-confined-\(getpid())"
            mkdir(directory, 0o700)
            defer { rmdir(directory) }
            let loop = try EventLoop()
            var changed: [String] = []
            let watch = try FileWatch(on: loop) { changed += $0 }
            try watch.watch(directory: directory)
            let file = try #require(fopen(directory + "/new", "w"))
            fputs("octets", file)
            fclose(file)
            rename(directory + "/new", directory + "/old")
            unlink(directory + "/old")
            loop.turn(atMost: 1000)
            return changed == [directory]
        }
        #expect(seen)
    }

    @Test func `Threads that a confined one starts are confined too`() throws {
        let code = try Self.confined {
            nonisolated(unsafe) var code: Int32 = 0
            try NativeThread.start("inner") { code = Self.code(socket(AF_PACKET, Int32(SOCK_RAW.rawValue), 0)) }.join()
            return code
        }
        #expect(code == EPERM)
    }
}
