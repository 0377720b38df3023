import Glibc
import Reactor
import Testing

@testable import FirewallHelper

/// A network namespace of its own for a test, on a thread of its own that takes the namespace along when it ends.
enum Namespace {
    /// Whether this process may make one (root, or CAP_SYS_ADMIN).
    static let isAvailable: Bool = {
        nonisolated(unsafe) var entered = false
        let thread = try? NativeThread.start("probe") { entered = enter() }
        thread?.join()
        return entered
    }()

    /// Runs `body` inside a new namespace and hands back what it returned or threw.
    static func run<Result>(_ body: @escaping () throws -> Result) throws -> Result {
        nonisolated(unsafe) let body = body
        nonisolated(unsafe) var result: Swift.Result<Result, any Error>?
        let thread = try NativeThread.start("namespace") {
            guard enter() else {
                result = .failure(Errno.last)
                return
            }
            result = Swift.Result(catching: body)
        }
        thread.join()
        return try #require(result).get()
    }

    /// unshare(CLONE_NEWNET); glibc declares it under _GNU_SOURCE only.
    private static func enter() -> Bool {
        typealias Unshare = @convention(c) (Int32) -> Int32
        guard let symbol = dlsym(nil, "unshare") else { return false }
        return unsafeBitCast(symbol, to: Unshare.self)(0x4000_0000) == 0
    }
}

/// What `nft` prints, run by this thread and so inside its namespace.
func nft(_ arguments: String) throws -> String {
    let pipe = try #require(popen("nft \(arguments) 2>&1", "r"))
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { text += buffer[..<count] }
    let status = pclose(pipe)
    let output = String(decoding: text, as: UTF8.self)
    try #require(status == 0, "nft \(arguments): \(output)")
    return output
}
