public import ArgumentParser
import Diagnostics
import Policy
import PolicyLanguage
public import Rehearsal

struct TestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Runs the tests of policies: tests.yaml beside policy.yaml.",
        discussion: "Without a path: this folder, or every policy folder in ./policies.")

    @Argument(help: "Policy folders.")
    var paths: [String] = []

    @Option(name: .customLong("run"), help: "Only tests whose name this regular expression finds.")
    var only: String?

    @Flag(help: "Says which rules no test reached.")
    var coverage = false

    @Option(help: "With --coverage: fails below so many hundredths of rules.")
    var threshold: Int?

    @Option(help: "text, json or junit.")
    var format = TestReportFormat.text

    func validate() throws {
        if let only, (try? Pattern(only)) == nil {
            throw ValidationError("--run: not a regular expression: \(only)")
        }
        if threshold != nil, !coverage { throw ValidationError("--threshold needs --coverage.") }
        if let threshold, !(0...100).contains(threshold) { throw ValidationError("--threshold is from 0 to 100.") }
    }

    func run() throws {
        let folders = paths.isEmpty ? Self.defaultFolders() : paths
        guard !folders.isEmpty else {
            Console.error("portreeve: no policy here; name a folder")
            throw ExitStatus.failure
        }
        let suites = folders.map { PolicySuite.load($0) }
        let findings = suites.flatMap(\.findings)
        Console.error(FindingRenderer(sources: suites.flatMap(\.sources)).render(findings, as: .text))
        let reports = suites.compactMap(report)
        print(reports)
        let isBelow = threshold.map { limit in reports.contains { $0.coverage < limit } } ?? false
        if let threshold, isBelow { Console.error("portreeve: coverage is below \(threshold) %") }
        let isGood = suites.allSatisfy { !$0.hasErrors } && reports.allSatisfy(\.failures.isEmpty) && !isBelow
        guard isGood else { throw ExitStatus.failure }
    }

    private func report(_ suite: PolicySuite) -> TestReport? {
        guard let tests = suite.tests else { return nil }
        let pattern = only.flatMap { try? Pattern($0) }
        func isWanted(_ name: String) -> Bool { pattern.map { $0.isFound(in: Array(name.utf8)) == true } ?? true }
        if let egress = suite.egress { return EgressRunner(egress, tests).run(where: isWanted) }
        return suite.policy.map { TestRunner($0, tests).run(where: isWanted) }
    }

    private func print(_ reports: [TestReport]) {
        switch format {
        case .text: Console.print(TestReport.text(reports, showsCoverage: coverage))
        case .json: Console.print(TestReport.json(reports))
        case .junit: Console.print(TestReport.junit(reports))
        }
    }

    private static func defaultFolders() -> [String] {
        if FilePaths.exists(PolicyLoader.fileName) { return ["."] }
        return FilePaths.entries("policies").filter { FilePaths.exists("policies/\($0)/tests.yaml") }.map {
            "policies/\($0)"
        }
    }
}

extension TestReportFormat: ExpressibleByArgument {}
