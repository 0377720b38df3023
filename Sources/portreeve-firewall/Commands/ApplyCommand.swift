import ArgumentParser
import FirewallHelper
import FirewallPlan
import Glibc

struct ApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Puts the policy into the kernel, whole or not at all.",
        discussion: """
            What is the same stays as it is: counters, offenders and timeouts survive. With --confirm the change is taken \
            back after that many seconds unless 'confirm' comes, so that a slip cannot lock you out.
            """)

    @OptionGroup var policy: PolicyOptions
    @OptionGroup var helper: HelperOptions

    @Option(help: "Take the change back after this many seconds unless it is confirmed.")
    var confirm: UInt32?

    @Flag(help: "JSON for scripts.")
    var json = false

    func validate() throws {
        if let confirm, !(5...3600).contains(confirm) {
            throw ValidationError("--confirm takes 5 to 3600 seconds.")
        }
    }

    func run() throws {
        let loaded = try policy.load()
        loaded.warnings.forEach { Output.error("portreeve-firewall: warning: \($0)") }
        if let confirm, !helper.isServed { return try applyHere(loaded.deployment, confirm) }
        guard
            case .applied(let operations, let seconds) = try helper.ask(
                .apply(loaded.deployment, confirmWithin: confirm))
        else { throw HelperOptions.unexpected }
        report(loaded.deployment, operations)
        if let seconds, !json {
            Output.print("Taken back in \(seconds) s unless you say: portreeve firewall confirm")
        }
    }

    private func report(_ deployment: Deployment, _ operations: UInt32) {
        if json {
            JSONText.print(
                Report(
                    policy: deployment.policy, digest: deployment.digest, operations: operations,
                    confirmWithin: confirm))
        } else {
            let what = operations == 0 ? "nothing to change" : "\(operations) operation\(operations == 1 ? "" : "s")"
            Output.print("\(deployment.policy) is applied (\(what), config \(deployment.digest))")
        }
    }

    private struct Report: Encodable {
        let policy: String
        let digest: String
        let operations: UInt32
        let confirmWithin: UInt32?
    }

    // MARK: Without a helper

    /// Nobody would take the change back but this process, so it stays until somebody answers.
    private func applyHere(_ deployment: Deployment, _ seconds: UInt32) throws {
        let keeper = try helper.keeper()
        ConfirmationPrompt.catchSignals()
        guard
            case .applied(let operations, _) = try Self.good(keeper.answer(.apply(deployment, confirmWithin: seconds)))
        else { throw HelperOptions.unexpected }
        report(deployment, operations)
        Output.error("Type 'yes' within \(seconds) s to keep it; anything else takes it back.")
        guard ConfirmationPrompt.isConfirmed(within: seconds) else {
            _ = try Self.good(keeper.rollBack())
            throw HelperOptions.failed("not confirmed: the former state is back")
        }
        _ = try Self.good(keeper.answer(.confirm(digest: deployment.digest)))
        Output.print("Confirmed.")
    }

    private static func good(_ reply: HelperReply) throws -> HelperReply {
        if case .refused(let refusal) = reply { throw HelperOptions.failed(refusal.message) }
        return reply
    }
}

struct ConfirmCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm", abstract: "Keeps what 'apply --confirm' put into the kernel.")

    @OptionGroup var helper: HelperOptions

    @Flag(help: "JSON for scripts.")
    var json = false

    func run() throws {
        guard case .status(let status) = try helper.ask(.status) else { throw HelperOptions.unexpected }
        guard status.confirmWithin != nil else { throw HelperOptions.failed("nothing waits for a confirmation") }
        _ = try helper.ask(.confirm(digest: status.digest))
        if json { return JSONText.print(["policy": status.policy, "digest": status.digest]) }
        Output.print("\(status.policy) is confirmed (config \(status.digest))")
    }
}

struct OffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "off", abstract: "Removes everything of ours from the kernel, and nothing of anybody else's.")

    @OptionGroup var helper: HelperOptions

    @Flag(help: "JSON for scripts.")
    var json = false

    func run() throws {
        guard case .applied(let operations, _) = try helper.ask(.off) else { throw HelperOptions.unexpected }
        if json { return JSONText.print(["removed": operations > 0]) }
        Output.print(operations > 0 ? "Off: the table is gone." : "Nothing was applied.")
    }
}
