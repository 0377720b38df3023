import ArgumentParser
import Diagnostics
import FirewallPlan
import PolicyLanguage

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Reads the policy, looks at this machine, and asks the kernel without changing it.")

    @OptionGroup var policy: PolicyOptions
    @OptionGroup var helper: HelperOptions

    @Flag(help: "JSON for scripts.")
    var json = false

    @Flag(help: "Leave the kernel out of it.")
    var offline = false

    func run() throws {
        let loaded = try policy.load()
        let machine = loaded.warnings + (offline ? [] : MachineCheck(loaded.egress.policy).warnings)
        let kernel = offline ? nil : try helper.answer(.check(loaded.deployment))
        var refusal: String?
        if case .refused(let reason) = kernel { refusal = reason.message }
        if json {
            JSONText.print(
                Report(
                    policy: loaded.deployment.policy, findings: loaded.findings.map(\.message), machine: machine,
                    kernel: kernel == nil ? "not asked" : refusal ?? "accepts it"))
        } else {
            report(loaded, machine, isAsked: kernel != nil, refusal)
        }
        if refusal != nil { throw ExitStatus.failure }
    }

    private func report(_ loaded: PolicyOptions.Loaded, _ machine: [String], isAsked: Bool, _ refusal: String?) {
        Output.print(FindingRenderer(sources: loaded.sources).render(loaded.findings, as: .text))
        machine.forEach { Output.print("portreeve-firewall: warning: \($0)") }
        if let refusal {
            Output.error("portreeve-firewall: \(refusal)")
        } else {
            let zones = loaded.egress.policy.zones.count
            let kernel = isAsked ? ", and the kernel accepts it" : ""
            Output.print("\(loaded.deployment.policy) is good (\(zones) zone\(zones == 1 ? "" : "s"))\(kernel)")
        }
    }

    private struct Report: Encodable {
        let policy: String
        let findings: [String]
        let machine: [String]
        let kernel: String
    }
}
