import Foundation

/// A real redis-server on loopback with a directory of its own, ended by its process id.
///
/// Where none is installed the tests that need it say so and are skipped.
final class RedisServer: @unchecked Sendable {
    let port: UInt16
    let directory: URL
    /// Where the nodes of a Cluster talk to each other.
    var clusterPort: UInt16 = 0
    private var process = Process()
    private let arguments: [String]

    static let program: URL? = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"]
        .map { URL(fileURLWithPath: $0) }.first { FileManager.default.isExecutableFile(atPath: $0.path) }
    static var isInstalled: Bool { program != nil }

    /// `port` is chosen by the kernel if it is nil; `options` are command line words of redis-server.
    init(port: UInt16? = nil, tls: (port: UInt16, options: [String])? = nil, _ options: [String] = []) throws {
        self.port = try port ?? tls?.port ?? Self.freePort()
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("redis-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let ports = tls.map { ["--port", "0", "--tls-port", "\($0.port)"] + $0.options } ?? ["--port", "\(self.port)"]
        arguments =
            ports + [
                "--bind", "127.0.0.1", "--dir", directory.path, "--save", "", "--appendonly", "no",
                "--daemonize", "no", "--logfile", "",
            ] + options
        try start()
    }

    deinit {
        end(SIGKILL)
        try? FileManager.default.removeItem(at: directory)
    }

    /// Starts it, again if it was ended; returns when it takes connections.
    func start() throws {
        guard let program = Self.program else { throw CocoaError(.executableNotLoadable) }
        process = Process()
        process.executableURL = program
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        var said = Data()
        while !String(decoding: said, as: UTF8.self).contains("eady to accept connections") {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else {
                throw CocoaError(.executableLoad, userInfo: ["said": String(decoding: said, as: UTF8.self)])
            }
            said += more
        }
        // What it says from here on is read, so that it never waits for a reader.
        output.fileHandleForReading.readabilityHandler = { if $0.availableData.isEmpty { $0.readabilityHandler = nil } }
    }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    func end(_ number: Int32 = SIGKILL) {
        guard process.isRunning else { return }
        signal(number)
        if number != SIGKILL { signal(SIGCONT) }
        process.waitUntilExit()
    }

    /// Runs redis-cli and returns what it prints.
    @discardableResult
    func command(_ words: String...) throws -> String { try Self.command(port: port, words) }

    static func command(port: UInt16, _ words: [String]) throws -> String {
        let client = Process()
        client.executableURL = URL(fileURLWithPath: "/usr/bin/redis-cli")
        client.arguments = ["-p", "\(port)"] + words
        let output = Pipe()
        client.standardOutput = output
        client.standardError = output
        client.standardInput = FileHandle.nullDevice
        try client.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        client.waitUntilExit()
        return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// A port that nobody has now.
    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw POSIXError(.EADDRINUSE) }
        return UInt16(bigEndian: address.sin_port)
    }
}
