import Configuration
import Diagnostics
import Foundation
import Testing

@Suite("Loading from a file")
struct LoadTests {
    /// A directory that is gone after the test.
    private func withDirectory(_ body: (URL) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("portreeve-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(directory)
    }

    @Test("Files that the configuration names are looked for beside it")
    func beside() throws {
        try withDirectory { directory in
            let file = directory.appendingPathComponent("portreeve.yaml")
            try Support.complete().write(to: file, atomically: true, encoding: .utf8)
            let without = Configuration.load(path: file.path)
            #expect(without.findings.map(\.code) == ["E520", "E520"])
            for name in ["fullchain.pem", "privkey.pem"] {
                try "x".write(to: directory.appendingPathComponent(name), atomically: true, encoding: .utf8)
            }
            let with = Configuration.load(path: file.path)
            #expect(with.findings.isEmpty)
            #expect(with.plan?.certificates.first?.chain.path == directory.path + "/fullchain.pem")
            #expect(with.plan?.file == file.path)
        }
    }

    @Test("The inspector gets absolute paths, and its findings stand at the path")
    func inspector() throws {
        try withDirectory { directory in
            let file = directory.appendingPathComponent("portreeve.yaml")
            try Support.complete().write(to: file, atomically: true, encoding: .utf8)
            for name in ["fullchain.pem", "privkey.pem"] {
                try "x".write(to: directory.appendingPathComponent(name), atomically: true, encoding: .utf8)
            }
            let checks = ConfigurationChecks { chain, key in
                [CertificateProblem(.error, .key, "\(chain) is not of \(key)")]
            }
            let outcome = Configuration.load(path: file.path, checks: checks)
            let expected = "\(directory.path)/fullchain.pem is not of \(directory.path)/privkey.pem"
            #expect(outcome.findings.map(\.message) == [expected])
            #expect(outcome.findings.map(\.range.line) == [6])
            #expect(outcome.plan == nil)
        }
    }

    @Test("A missing file, a directory, bytes that are not UTF-8 and an endless file are findings")
    func unreadable() throws {
        try withDirectory { directory in
            #expect(Configuration.load(path: directory.path + "/none.yaml").findings.map(\.code) == ["E520"])
            #expect(Configuration.load(path: directory.path).findings.map(\.code) == ["E521"])
            let binary = directory.appendingPathComponent("binary.yaml")
            try Data("version: 1\nuser: ".utf8 + [0xFF, 0xFE]).write(to: binary)
            let outcome = Configuration.load(path: binary.path)
            #expect(outcome.findings.map(\.code) == ["E108"])
            #expect(outcome.findings.map(\.range.line) == [2])
            let long = directory.appendingPathComponent("long.yaml")
            try Data(repeating: 0x23, count: (1 << 20) + 1).write(to: long)
            #expect(Configuration.load(path: long.path).findings.map(\.code) == ["E108"])
        }
    }

    @Test("The control socket is found in a file that has errors elsewhere, and not in one that cannot be read")
    func controlSocket() throws {
        try withDirectory { directory in
            let file = directory.appendingPathComponent("portreeve.yaml")
            func socket(_ text: String) -> String? {
                try? text.write(to: file, atomically: true, encoding: .utf8)
                return Configuration.controlSocket(ofFile: file.path).socket
            }
            let broken = "version: 9\nlisteners: 7\npolicies: [nowhere]\n"
            #expect(socket(broken + "admin: { socket: c.sock }\n") == directory.path + "/c.sock")
            #expect(socket(broken) == "/run/portreeve/control.sock")
            #expect(socket(broken + "admin: { sokcet: c.sock }\n") == nil)
            #expect(socket("version: [") == nil)
            #expect(
                Configuration.controlSocket(ofFile: directory.path + "/none").outcome.findings.map(\.code) == ["E520"])
        }
    }
}
