import Configuration
import Foundation
import Testing

@testable import portreeve

@Suite("The command line")
struct CommandLineTests {
    @Test(
        "Help and version are good ends",
        arguments: [["--version"], ["--help"], ["run", "--help"], ["help", "check"]])
    func good(arguments: [String]) {
        #expect(Invocation(arguments).run() == 0)
    }

    @Test(
        "Wrong usage is status 2",
        arguments: [
            [], ["frobnicate"], ["run"], ["run", "-c"], ["run", "-c", "x", "--loudly"],
            ["run", "-c", "x", "--monitor", "--no-selftest"], ["check"],
            ["check", "--format", "xml", "x"], ["reload", "-c", "x", "--socket", "y"], ["status", "extra"],
            ["bans", "add"], ["bans", "add", "192.0.2.1", "--for", "soon"], ["limits", "get"],
            ["demo", "--port-base", "80"], ["demo", "--port-base", "64901"], ["demo", "--port-base", "x"],
        ])
    func usage(arguments: [String]) {
        #expect(Invocation(arguments).run() == 2)
    }

    @Test(
        "Findings and failures are status 1",
        arguments: [
            ["run", "-c", "/nonexistent/portreeve.yaml"], ["check", "/nonexistent/portreeve.yaml"],
            ["check", "--format", "json", "-c", "/nonexistent/portreeve.yaml"],
            ["status", "--socket", "/nonexistent/s"],
            ["status", "--json", "-c", "/nonexistent/portreeve.yaml"], ["reload", "--socket", "/nonexistent/s"],
            ["bans", "--socket", "/nonexistent/s"], ["limits", "--json", "--socket", "/nonexistent/s"],
        ])
    func failure(arguments: [String]) {
        #expect(Invocation(arguments).run() == 1)
    }

    @Test("A command of a later version is told apart from a slip")
    func absent() throws {
        for name in [
            "replay", "top", "tail", "doctor", "import",
        ] {
            let command = try #require(AbsentCommand([name, "x"]))
            #expect(command.message == "portreeve: '\(name)' is not in this version; see portreeve --help")
            #expect(Invocation([name, "--json"]).run() == 2)
        }
        #expect(AbsentCommand(["run", "-c", "test"]) == nil)
        #expect(AbsentCommand(["--help"]) == nil)
        #expect(AbsentCommand([]) == nil)
    }

    @Test("A good configuration is counted, and one bad file makes the status 1")
    func check() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("portreeve-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let good = folder.appendingPathComponent("good.yaml").path
        let bad = folder.appendingPathComponent("bad.yaml").path
        let text = """
            version: 1
            hostname: mail.example.org
            domains: [example.org]
            listeners:
              mx: { port: 25, backend: mx, tls: none }
              other: { bind: ["127.0.0.1:0"], backend: mx, tls: none, policies: [inbound] }
            backends:
              mx: { servers: ["127.0.0.1:10025"], identity: proxy-v2 }

            """
        try text.write(toFile: good, atomically: true, encoding: .utf8)
        try (text + "colour: blue\n").write(toFile: bad, atomically: true, encoding: .utf8)
        #expect(Invocation(["check", "-c", good]).run() == 0)
        #expect(Invocation(["check", good, good]).run() == 0)
        #expect(Invocation(["check", good, bad]).run() == 1)
        #expect(Invocation(["check", "--format", "github", bad]).run() == 1)
        let plan = try #require(Configuration.load(path: good).plan)
        #expect(CheckCommand.summary("good.yaml", plan) == "portreeve: good.yaml is good (2 listeners, 1 backend)")
    }
}
