import ArgumentParser
import FirewallPlan

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Shows what 'apply' would change, in nft's words; changes nothing.")

    @OptionGroup var policy: PolicyOptions
    @OptionGroup var helper: HelperOptions

    @Flag(help: "JSON for scripts.")
    var json = false

    func run() throws {
        let loaded = try policy.load()
        let current = try current()
        let lines = loaded.deployment.ruleset.operations(from: current).map { NftText.text($0) }
        if json {
            return JSONText.print(
                Report(policy: loaded.deployment.policy, digest: loaded.deployment.digest, operations: lines))
        }
        if lines.isEmpty { return Output.print("Nothing to change: \(loaded.deployment.policy) is applied.") }
        Output.print(lines.joined(separator: "\n"))
    }

    private struct Report: Encodable {
        let policy: String
        let digest: String
        let operations: [String]
    }

    /// What the kernel has; nil for nothing of ours.
    private func current() throws -> Ruleset? {
        switch try helper.answer(.observe) {
        case .ruleset(let ruleset): return ruleset
        case .refused(let refusal) where refusal.code == .state: return nil
        case .refused(let refusal): throw HelperOptions.failed(refusal.message)
        default: throw HelperOptions.unexpected
        }
    }
}
