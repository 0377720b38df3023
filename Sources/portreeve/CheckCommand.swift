public import ArgumentParser
import Configuration
public import Diagnostics

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Finds every error of a configuration and its certificates at once.",
        discussion: "Whether ports are free is only known to 'run'.")

    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration, portreeve.yaml.")
    var file: String?

    @Argument(help: "Further configurations.")
    var paths: [String] = []

    @Option(help: "text, json or github.")
    var format = FindingFormat.text

    func validate() throws {
        if files.isEmpty { throw ValidationError("Name a configuration: portreeve check -c FILE") }
    }

    private var files: [String] { (file.map { [$0] } ?? []) + paths }

    func run() throws {
        let results = files.map { (file: $0, outcome: Configuration.load(path: $0, checks: .withCertificates)) }
        let renderer = FindingRenderer(sources: results.flatMap(\.outcome.sources))
        Console.print(renderer.render(results.flatMap(\.outcome.findings), as: format))
        if format == .text {
            for result in results {
                if let plan = result.outcome.plan { Console.print(Self.summary(result.file, plan)) }
            }
        }
        guard results.allSatisfy({ $0.outcome.plan != nil }) else { throw ExitStatus.failure }
    }

    /// `portreeve: FILE is good (3 listeners, 2 backends)`.
    static func summary(_ file: String, _ plan: RunPlan) -> String {
        let listeners = counted(plan.listeners.count, "listener")
        return "portreeve: \(file) is good (\(listeners), \(counted(plan.backends.count, "backend")))"
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}

extension FindingFormat: ExpressibleByArgument {}
