import ArgumentParser
import Configuration
import Diagnostics
import Bytes
import Policy
import PolicyLanguage

/// Which policies are asked: those of a listener, or those that are named.
struct ListenerOptions: ParsableArguments {
    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration; else ./portreeve.yaml.")
    var file: String?

    @Option(help: "A listener of the configuration; without one, a built-in policy of that name.")
    var listener: String?

    @Option(help: "A policy folder or a built-in policy, instead of a listener; may be repeated.")
    var policy: [String] = []

    @Option(help: "The client's address.")
    var client = "203.0.113.1"

    func validate() throws {
        if listener == nil, policy.isEmpty { throw ValidationError("Give --listener NAME or --policy PATH.") }
    }

    /// What a listener is to rules and to a simulated session.
    struct Resolved {
        var name: String
        var port: UInt16
        var tls: String?
        var policies: [LoadedPolicy]
        var domains: [String] = ["example.org"]
        var realm: String?
    }

    func resolve() throws -> Resolved {
        if !policy.isEmpty {
            let policies = try policy.map { try load($0) }
            let isInbound = policies.first?.name == "inbound"
            return Resolved(name: listener ?? "test", port: isInbound ? 25 : 587, policies: policies)
        }
        let name = listener ?? ""
        let path = file ?? "portreeve.yaml"
        guard file != nil || FilePaths.exists(path) else {
            guard let policy = BuiltInPolicies.policy(named: name) else {
                throw failure("no ./portreeve.yaml, and no built-in policy is called '\(name)'; give -c FILE")
            }
            return Resolved(name: name, port: name == "inbound" ? 25 : 587, policies: [policy])
        }
        return try resolve(name, in: path)
    }

    private func resolve(_ name: String, in path: String) throws -> Resolved {
        // Only policies are wanted: their reader need not be allowed to read keys.
        let outcome = Configuration.load(path: path, checks: ConfigurationChecks(fileStatus: { _ in .readable }))
        Console.error(outcome.rendered())
        guard let plan = outcome.plan else { throw ExitStatus.failure }
        guard let listener = plan.listeners.first(where: { $0.name == name }) else {
            throw failure(
                "no listener '\(name)' in \(path); there are: \(plan.listeners.map(\.name).joined(separator: ", "))")
        }
        return Resolved(
            name: name, port: listener.endpoints.first?.endpoint.port ?? (listener.intercepts ? 25 : 0),
            tls: listener.tls.rawValue,
            policies: listener.policies.map(\.policy), domains: plan.domains.map(\.description),
            realm: listener.backend.flatMap(plan.backend(named:))?.realm)
    }

    private func load(_ name: String) throws -> LoadedPolicy {
        if !FilePaths.exists(name), let policy = BuiltInPolicies.policy(named: name) { return policy }
        let outcome = PolicyLoader().load(path: name)
        Console.error(outcome.rendered())
        if outcome.egress != nil {
            throw failure("\(name) is a policy of kind egress: ask 'portreeve firewall explain --policy \(name) HOST'")
        }
        guard let policy = outcome.policy else { throw ExitStatus.failure }
        return policy
    }

    private func failure(_ message: String) -> ExitStatus {
        Console.error("portreeve: \(message)")
        return .failure
    }
}
