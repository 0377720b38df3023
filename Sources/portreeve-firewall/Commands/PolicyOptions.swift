import ArgumentParser
import Configuration
import Diagnostics
import FirewallPlan
import Glibc
import PolicyLanguage

/// Which policy is meant: that of a portreeve.yaml, or a folder by itself.
struct PolicyOptions: ParsableArguments {
    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration whose 'firewall:' is meant.")
    var file: String?

    @Option(help: "A policy folder of kind egress, without a configuration.")
    var policy: String?

    func validate() throws {
        if file != nil, policy != nil { throw ValidationError("Give -c FILE or --policy FOLDER, not both.") }
    }

    /// A policy that loaded and what it makes of this machine.
    struct Loaded {
        let egress: LoadedEgress
        let deployment: Deployment
        let findings: [Finding]
        let sources: [SourceFile]
        /// It comes with a configuration that has a listener for intercepted sessions.
        let hasGateway: Bool
    }

    private static let standardFile = "/etc/portreeve/portreeve.yaml"

    /// Reads it; says every mistake and ends if there is an error.
    func load() throws -> Loaded {
        if let policy { return try load(folder: policy) }
        let outcome = Configuration.load(
            path: file ?? Self.standardFile, checks: ConfigurationChecks(fileStatus: { _ in .readable }))
        guard let plan = outcome.plan else { throw Self.failed(outcome.findings, outcome.sources) }
        guard let firewall = plan.firewall, let deployment = plan.deployment(now: Self.now) else {
            Output.error("portreeve-firewall: \(plan.file) has no 'firewall:'; name a policy there, or with --policy")
            throw ExitStatus.failure
        }
        return Loaded(
            egress: firewall.policy, deployment: deployment, findings: outcome.findings, sources: outcome.sources,
            hasGateway: plan.listeners.contains(where: \.intercepts))
    }

    private func load(folder: String) throws -> Loaded {
        let outcome = PolicyLoader().load(path: folder)
        guard let egress = outcome.egress else {
            if outcome.policy != nil {
                Output.error("portreeve-firewall: \(folder) is a policy of sessions; a firewall needs 'kind: egress'")
                throw ExitStatus.failure
            }
            throw Self.failed(outcome.findings, outcome.sources)
        }
        return Loaded(
            egress: egress, deployment: egress.policy.deployment(at: Site(now: Self.now)), findings: outcome.findings,
            sources: outcome.sources, hasGateway: false)
    }

    private static func failed(_ findings: [Finding], _ sources: [SourceFile]) -> ExitStatus {
        Output.error(FindingRenderer(sources: sources).render(findings, as: .text))
        return .failure
    }

    /// Seconds since 1970.
    static var now: UInt64 { UInt64(max(time(nil), 0)) }
}

extension PolicyOptions.Loaded {
    /// Zones that nobody answers for as far as this policy tells: without a gateway their connections are refused.
    var warnings: [String] {
        hasGateway
            ? []
            : egress.interceptingZones.map {
                "zone '\($0.name)' of 'mode: \($0.mode.rawValue)' refuses until a gateway with 'intercept: true' answers for it"
            }
    }
}
