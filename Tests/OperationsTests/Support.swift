import Bytes
import Foundation
import Operations
import Reactor
import SMTPWire
import Testing

/// A sink on loopback that keeps its messages for the test, and clients of it; runs until `stop`.
struct TestSink {
    let sink: MailSink
    private let kept: Locked<[SunkMessage]>

    init(maxMessageSize: UInt64 = 1 << 20) throws {
        Signals.ignoreBrokenPipe()
        let kept = Locked<[SunkMessage]>([])
        var options = MailSinkOptions()
        options.hostname = "sink.test"
        options.domains = ["example.org"]
        options.users = [MailSinkUser("alice", password: "secret")]
        options.maxMessageSize = maxMessageSize
        options.storage = .handler { message in kept.withLock { $0.append(message) } }
        sink = try MailSink(options)
        self.kept = kept
    }

    func stop() {
        sink.stop()
    }

    var messages: [SunkMessage] { kept.withLock { $0 } }

    /// A client that has read the greeting.
    func client() throws -> SMTPClient {
        let client = try SMTPClient(to: sink.endpoint)
        _ = try client.reply()
        return client
    }
}

extension SMTPClient {
    /// The codes of the replies to these lines, each sent when the one before was answered.
    func codes(_ lines: String...) throws -> [UInt16] {
        try lines.map { try command($0).code }
    }

    /// The codes of `count` replies to octets that are sent in one write.
    func codes(sending text: String, count: Int) throws -> [UInt16] {
        try send(Array(text.utf8))
        return try (0..<count).map { _ in try reply().code }
    }
}

extension Reply {
    /// The text of all lines.
    var text: String { lines.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n") }
}

/// A directory that goes away with the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("portreeve-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
