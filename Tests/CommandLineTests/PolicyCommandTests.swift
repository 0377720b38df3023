import Foundation
import Testing

@testable import portreeve

@Suite("Commands for policies")
struct PolicyCommandTests {
    private static let policies = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("policies")

    private static func path(_ name: String) -> String { policies.appendingPathComponent(name).path }

    @Test("good policies are good ends")
    func good() {
        let submission = Self.path("submission")
        for arguments in [
            ["check", submission], ["check", submission + "/policy.yaml"], ["test", submission],
            ["test", submission + "/tests.yaml", "--run", "(?i)TLS"],
            ["test", "--coverage", "--threshold", "100", "--format", "json", submission, Self.path("inbound")],
            ["test", "--format", "junit", submission], ["fmt", "--check", submission], ["schema"],
            ["policy", "show", "inbound"],
            ["explain", "--policy", submission, "--mail-from", "a@b.example", "--tls", "TLS1.2"],
            ["explain", "--policy", "inbound", "--rcpt-to", "a%b@c.example", "--fact", "client.talked_early=false"],
        ] {
            #expect(Invocation(arguments).run() == 0, "\(arguments)")
        }
    }

    @Test("bad policies and unknown names are status 1")
    func bad() {
        for arguments in [
            ["check", Self.path("invalid/unknown-field")], ["test", Self.path("invalid/unknown-field")],
            ["test", "/nonexistent"], ["policy", "show", "outbound"], ["fmt", "/nonexistent/policy.yaml"],
            ["explain", "--policy", "/nonexistent", "--mail-from", "a@b.example"],
            ["session", "-c", "/nonexistent/portreeve.yaml", "--listener", "mx"],
        ] {
            #expect(Invocation(arguments).run() == 1, "\(arguments)")
        }
    }

    @Test("wrong usage is status 2")
    func usage() {
        for arguments in [
            ["test", "--run", "(", "x"], ["test", "--threshold", "5", "x"], ["test", "--format", "xml", "x"],
            ["explain", "--mail-from", "a@b.example"], ["explain", "--policy", "inbound", "--fact", "x"],
            ["explain", "--policy", "inbound", "--sid", "x"], ["explain", "--policy", "inbound", "--tls", "SSL3"],
            ["policy"], ["fmt"], ["session"],
        ] {
            let status = Invocation(arguments).run()
            #expect(status == 2 || (arguments == ["policy"] && status == 0), "\(arguments) \(status)")
        }
    }

    @Test("fmt writes what its check asks for, and then has nothing to do")
    func format() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("portreeve-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("policy.yaml")
        let text = """
            version: 1
            policy: p
            rules:
              - { id: a, at: mail, when: "!tls.active", action: accept }
            default: accept

            """
        try text.write(to: file, atomically: true, encoding: .utf8)
        #expect(Invocation(["fmt", "--check", folder.path]).run() == 1)
        #expect(Invocation(["fmt", folder.path]).run() == 0)
        #expect(Invocation(["fmt", "--check", folder.path]).run() == 0)
        let written = try String(contentsOf: file, encoding: .utf8)
        #expect(written == text.replacingOccurrences(of: "!tls", with: "not tls"))
    }
}
