import Bytes
import Foundation
import Glibc
import Policy
import Testing

@testable import Telemetry

@Suite("Where lines go")
struct LogSinkTests {
    @Test("A file is made with mode 0640, carries the syslog prefix and is appended to")
    func file() throws {
        let folder = try Folder()
        let path = folder.path("mail.log")
        for _ in 1...2 {
            let log = try DecisionLog(LogSettings(format: .postfix, destination: .file(path)))
            log.record(session(), .connected, at: moment)
            log.stop()
        }
        let lines = try folder.lines("mail.log")
        #expect(lines.count == 2)
        let form =
            #/[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} \S+ postfix-portreeve/smtpd\[[0-9]+\]: connect from unknown\[203\.0\.113\.7\]/#
        for line in lines { #expect(line.wholeMatch(of: form) != nil, "\(line)") }
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode.map { $0 & ~0o640 } == 0)
    }

    @Test("JSON in a file has no prefix")
    func jsonFile() throws {
        let folder = try Folder()
        let log = try DecisionLog(LogSettings(format: .json, destination: .file(folder.path("log.json"))))
        log.record(session(), .timedOut(after: "DATA"), at: moment)
        log.stop()
        #expect(try folder.lines("log.json").first == json(.timedOut(after: "DATA")))
    }

    @Test("After a rotation and reopen, later lines go to the new file and none is lost")
    func rotation() throws {
        let folder = try Folder()
        let log = try DecisionLog(LogSettings(format: .json, destination: .file(folder.path("log"))))
        log.record(session(), .timedOut(after: "ONE"), at: moment)
        log.flush()
        try FileManager.default.moveItem(atPath: folder.path("log"), toPath: folder.path("log.1"))
        log.record(session(), .timedOut(after: "TWO"), at: moment)
        log.flush()
        log.reopen()
        log.record(session(), .timedOut(after: "THREE"), at: moment)
        log.stop()
        #expect(try folder.lines("log.1") == [json(.timedOut(after: "ONE")), json(.timedOut(after: "TWO"))])
        #expect(try folder.lines("log") == [json(.timedOut(after: "THREE"))])
    }

    @Test("If the file cannot be opened again, the old one stays in use and the failure is counted")
    func failedReopen() throws {
        let folder = try Folder()
        try FileManager.default.createDirectory(atPath: folder.path("d"), withIntermediateDirectories: false)
        let log = try DecisionLog(LogSettings(format: .json, destination: .file(folder.path("d/log"))))
        try FileManager.default.moveItem(atPath: folder.path("d"), toPath: folder.path("e"))
        log.reopen()
        log.record(session(), .timedOut(after: "ONE"), at: moment)
        log.stop()
        #expect(log.statistics.failedReopens == 1)
        #expect(try folder.lines("e/log") == [json(.timedOut(after: "ONE"))])
    }

    @Test("A full disk loses lines, counts them, and the log tells how many when there is room again")
    func fullDisk() throws {
        let folder = try Folder()
        let path = folder.path("log")
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/full")
        let log = try DecisionLog(LogSettings(format: .json, destination: .file(path)))
        for _ in 1...3 { log.record(session(), .timedOut(after: "DATA"), at: moment) }
        log.flush()
        #expect(log.statistics.lost == 3)
        try FileManager.default.removeItem(atPath: path)
        log.reopen()
        log.record(session(), .timedOut(after: "LATER"), at: moment)
        log.stop()
        let lines = try folder.lines("log")
        #expect(lines.count == 2)
        #expect(lines.first?.hasSuffix(#""smtp.log.dropped":3}"#) == true)
        #expect(lines.last == json(.timedOut(after: "LATER")))
    }

    @Test("A line that was cut short is ended before the next one begins")
    func cutLine() throws {
        let folder = try Folder()
        let sink = try DescriptorSink(path: folder.path("log"), prefix: nil)
        #expect(sink.write(Array("whole\ncut".utf8)) == 1)
        #expect(sink.write(Array("next\n".utf8)) == 1)
        #expect(try folder.lines("log") == ["whole", "cut", "next"])
    }

    @Test("A destination that cannot be opened is an error that names the file")
    func unusableFile() throws {
        let folder = try Folder()
        let settings = LogSettings(destination: .file(folder.path("missing/log")))
        let error = #expect(throws: LogError.self) { _ = try DecisionLog(settings) }
        #expect(error?.description == "cannot open the log \(folder.path("missing/log")): No such file or directory")
    }

    @Test("A pipe gets bare lines, in writes that it can hold")
    func pipe() throws {
        var ends: [Int32] = [0, 0]
        try #require(Glibc.pipe(&ends) == 0)
        defer { ends.forEach { Glibc.close($0) } }
        let sink = DescriptorSink(descriptor: ends[1])
        var buffer: [UInt8] = []
        let line = LogLine(.info, [UInt8](repeating: 0x61, count: 999))
        for _ in 1...20 { sink.frame(line, at: moment, into: &buffer) }
        #expect(sink.write(buffer) == 20)
        var got = [UInt8](repeating: 0, count: 65_536)
        #expect(Glibc.read(ends[0], &got, got.count) == 20_000)
        #expect(Array(got[..<20_000]) == buffer)
    }

    @Test("The syslog daemon gets one datagram a line, with the facility mail, also after it came back")
    func syslog() throws {
        let folder = try Folder()
        let path = folder.path("log")
        let log = try DecisionLog(LogSettings(destination: .syslog(path: path)))
        log.record(session(), .connected, at: moment)
        log.flush()
        #expect(log.statistics.lost == 1)

        let daemon = try Receiver(path)
        log.record(session(), .backendFault(server: "s", reason: "r"), at: moment)
        log.flush()
        #expect(try daemon.next().hasPrefix("<20>"))
        let line = try daemon.next()
        #expect(
            line.contains(
                #/^<20>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} postfix-portreeve/smtpd\[[0-9]+\]: warning: backend s: r/#))

        daemon.close()
        unlink(path)
        let restarted = try Receiver(path)
        log.record(session(), .connected, at: moment)
        log.stop()
        #expect(try restarted.next().hasPrefix("<22>"))
        #expect(log.statistics.written == 2)
    }
}

/// A directory of a test's own.
final class Folder {
    private let root: String

    init() throws {
        root = NSTemporaryDirectory() + "telemetry-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func path(_ name: String) -> String { root + "/" + name }

    func lines(_ name: String) throws -> [String] {
        let text = try String(contentsOfFile: path(name), encoding: .utf8)
        #expect(text.hasSuffix("\n"))
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
}

/// A syslog daemon's end of a datagram socket.
final class Receiver {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafeBytes(of: &address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { bind(descriptor, $0.baseAddress, socklen_t(bytes.count)) }
        }
        try #require(bound == 0)
    }

    func close() { Glibc.close(descriptor) }

    /// The next datagram, which must be there already.
    func next() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 8192)
        let count = recv(descriptor, &buffer, buffer.count, Int32(truncatingIfNeeded: Int(MSG_DONTWAIT)))
        try #require(count > 0)
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
