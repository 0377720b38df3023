import ArgumentParser
import Diagnostics
import FirewallHelper
import FirewallPlan
import PolicyLanguage

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Reads the policy, looks at this machine, and asks the kernel without changing it.",
        discussion: """
            What does not fit is a warning with a code (docs/FIREWALL.md lists them). What could not be looked at is said; \
            other programs' tables and the kernel's own check need root.
            """)

    @OptionGroup var policy: PolicyOptions
    @OptionGroup var helper: HelperOptions

    @Flag(help: "JSON for scripts.")
    var json = false

    @Flag(help: "Leave this machine and its kernel out of it.")
    var offline = false

    func run() throws {
        let loaded = try policy.load()
        var report = Report(loaded, kernel: offline ? "not asked" : "accepts it")
        var refusal: String?
        if !offline {
            let ours = logGroups()
            let machine = MachineReader.look(for: loaded.egress.policy, ours: ours)
            report.add(MachineCheck(loaded.egress.policy, on: machine).findings, machine.unseen)
            if case .refused(let reason) = try helper.answer(.check(loaded.deployment)) {
                refusal = reason.message
                report.kernel = reason.message
            }
        }
        if json { JSONText.print(report) } else { Output.print(report.text(loaded, refusal: refusal)) }
        if let refusal {
            if !json { Output.error("portreeve-firewall: \(refusal)") }
            throw ExitStatus.failure
        }
    }

    /// What our own helper reads: it is nobody else.
    private func logGroups() -> Set<UInt16> {
        guard helper.isServed, case .ruleset(let applied)? = try? helper.answer(.observe), let group = applied.logGroup
        else { return [] }
        return [group]
    }
}

/// What a check found.
private struct Report: Encodable {
    struct Row: Encodable {
        let code, severity, message: String
        let hint: String?
        let file: String
        let line, column: Int
    }

    let policy: String
    private(set) var findings: [Row]
    private(set) var notLookedAt: [String] = []
    var kernel: String
    private var all: [Finding]
    private let place: SourceRange
    private let zones: [String: SourceRange]

    private enum CodingKeys: CodingKey { case policy, findings, notLookedAt, kernel }

    init(_ loaded: PolicyOptions.Loaded, kernel: String) {
        policy = loaded.deployment.policy
        place = loaded.egress.nameRange
        zones = loaded.egress.zoneRanges
        all = loaded.findings
        findings = loaded.findings.map(Row.init)
        self.kernel = kernel
    }

    /// Findings about the machine stand where the policy names the zone, or itself.
    mutating func add(_ found: [MachineFinding], _ unseen: [String]) {
        let placed = found.map { finding in
            Finding(
                .warning, finding.code.rawValue, at: finding.zone.flatMap { zones[$0] } ?? place, finding.message,
                hint: finding.hint)
        }
        all += placed
        findings += placed.map(Row.init)
        notLookedAt += unseen
    }

    func text(_ loaded: PolicyOptions.Loaded, refusal: String?) -> String {
        var lines = notLookedAt.map { "Not looked at: \($0)" }
        if refusal == nil {
            let zones = loaded.egress.policy.zones.count
            let judged = kernel == "not asked" ? "" : ", and the kernel accepts it"
            lines.append("\(policy) is good (\(zones) zone\(zones == 1 ? "" : "s"))\(judged)")
        }
        let shown = FindingRenderer(sources: loaded.sources).render(all, as: .text)
        return shown + loaded.warnings.map { "portreeve-firewall: warning: \($0)\n" }.joined()
            + lines.joined(separator: "\n")
    }
}

extension Report.Row {
    fileprivate init(_ finding: Finding) {
        (code, severity, message) = (finding.code, finding.severity.rawValue, finding.message)
        hint = finding.hint
        (file, line, column) = (finding.range.file, finding.range.line, finding.range.column)
    }
}
