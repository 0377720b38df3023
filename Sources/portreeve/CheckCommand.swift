public import ArgumentParser
import Configuration
public import Diagnostics
import FirewallPlan
import PolicyLanguage

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Finds every error of a configuration and its certificates at once.",
        discussion: "Whether ports are free is only known to 'run'.")

    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration, portreeve.yaml.")
    var file: String?

    @Argument(help: "Further configurations, and policy folders or files.")
    var paths: [String] = []

    @Option(help: "text, json or github.")
    var format = FindingFormat.text

    func validate() throws {
        if files.isEmpty { throw ValidationError("Name a configuration: portreeve check -c FILE") }
    }

    private var files: [String] { (file.map { [$0] } ?? []) + paths }

    func run() throws {
        let results = files.map { $0 == file ? Checked(configuration: $0) : Checked($0) }
        let renderer = FindingRenderer(sources: results.flatMap(\.sources))
        Console.print(renderer.render(results.flatMap(\.findings), as: format))
        if format == .text { Console.print(results.flatMap(\.summary).joined(separator: "\n")) }
        guard results.allSatisfy(\.isGood) else { throw ExitStatus.failure }
    }

    /// A configuration or a policy, read.
    private struct Checked {
        var findings: [Finding]
        var sources: [SourceFile]
        /// One line for each thing to say of it.
        var summary: [String] = []
        var isGood = false

        /// A folder, or a file that is called as a policy's is, is a policy.
        init(_ path: String) {
            let isPolicy = FilePaths.isDirectory(path) || path.hasSuffix(PolicyLoader.fileName)
            self = isPolicy ? Checked(policy: path) : Checked(configuration: path)
        }

        private init(policy path: String) {
            let outcome = PolicyLoader().load(path: path)
            findings = outcome.findings
            sources = outcome.sources
            if let egress = outcome.egress {
                isGood = true
                let zones = CheckCommand.counted(egress.policy.zones.count, "zone")
                summary = ["portreeve: policy \(egress.policy.name) of kind egress is good (\(zones))"]
            }
            guard let policy = outcome.policy else { return }
            isGood = true
            summary = [
                "portreeve: policy \(policy.name) is good (\(CheckCommand.counted(policy.outline.count, "rule")))"
            ]
            summary += policy.limitsInWords.map { "  \($0)" }
        }

        init(configuration path: String) {
            let outcome = Configuration.load(path: path, checks: .withCertificates)
            findings = outcome.findings
            sources = outcome.sources
            guard let plan = outcome.plan else { return }
            isGood = true
            summary = [CheckCommand.summary(path, plan)]
        }
    }

    /// `portreeve: FILE is good (3 listeners, 2 backends)`.
    static func summary(_ file: String, _ plan: RunPlan) -> String {
        let listeners = counted(plan.listeners.count, "listener")
        return "portreeve: \(file) is good (\(listeners), \(counted(plan.backends.count, "backend")))"
    }

    fileprivate static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}

extension FindingFormat: ExpressibleByArgument {}
