import ArgumentParser
import Configuration
import Diagnostics
import FirewallHelper
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
        do throws(PolicyReadingFault) {
            if let policy { return try Self.load(policy: policy) }
            return try Self.load(configuration: file ?? Self.standardFile)
        } catch {
            Output.error(error.findings)
            throw ExitStatus.failure
        }
    }

    /// Reads an applied policy's files again.
    static func read(_ origin: PolicyOrigin) throws(PolicyReadingFault) -> Deployment {
        switch origin.kind {
        case .configuration: try load(configuration: origin.path).deployment
        case .policy: try load(policy: origin.path).deployment
        }
    }

    private static func load(configuration path: String) throws(PolicyReadingFault) -> Loaded {
        let outcome = Configuration.load(
            path: path, checks: ConfigurationChecks(fileStatus: { _ in .readable }))
        guard let plan = outcome.plan else { throw fault(outcome.findings, outcome.sources) }
        guard let firewall = plan.firewall, var deployment = plan.deployment(now: now) else {
            throw .init(
                findings: "portreeve-firewall: \(plan.file) has no 'firewall:'; name a policy there, or with --policy")
        }
        let file = absolute(path)
        let policy = absolute(firewall.policy.file)
        deployment.origin = PolicyOrigin(.configuration, path: file, files: [file, policy] + firewall.policy.listFiles)
        return Loaded(
            egress: firewall.policy, deployment: deployment, findings: outcome.findings, sources: outcome.sources,
            hasGateway: plan.listeners.contains(where: \.intercepts))
    }

    private static func load(policy path: String) throws(PolicyReadingFault) -> Loaded {
        let outcome = PolicyLoader().load(path: path)
        guard let egress = outcome.egress else {
            guard outcome.policy != nil else { throw fault(outcome.findings, outcome.sources) }
            throw .init(
                findings: "portreeve-firewall: \(path) is a policy of sessions; a firewall needs 'kind: egress'")
        }
        var deployment = egress.policy.deployment(at: Site(now: now))
        deployment.origin = PolicyOrigin(
            .policy, path: absolute(path), files: [absolute(egress.file)] + egress.listFiles)
        return Loaded(
            egress: egress, deployment: deployment, findings: outcome.findings, sources: outcome.sources,
            hasGateway: false)
    }

    private static func absolute(_ path: String) -> String { FilePaths.absolute(path, in: FilePaths.current) }

    private static func fault(_ findings: [Finding], _ sources: [SourceFile]) -> PolicyReadingFault {
        PolicyReadingFault(findings: FindingRenderer(sources: sources).render(findings, as: .text))
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
