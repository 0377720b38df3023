internal import Diagnostics
public import Policy
internal import PolicyLanguage

extension RunPlan {
    /// A listener's policies in the order in which they are asked, with this site's domains.
    public func definitions(of listener: ListenerPlan) -> [PolicyDefinition] {
        let domains = domains.map(\.description)
        return listener.policies.map { $0.policy.definition(ourDomains: domains) }
    }

    /// `NAME (HASH)` of every policy in use, sorted.
    public var policiesInUse: [String] {
        Set(listeners.flatMap(\.policies).map { "\($0.policy.name) (\($0.policy.hash))" }).sorted()
    }

    /// The same configuration with its policies and their lists read again, whatever its own file says by now.
    public func withFreshPolicies(_ checks: ConfigurationChecks) -> LoadOutcome {
        Configuration.parse(text: text, name: file, directory: FilePaths.directory(of: file), checks: checks)
    }

    /// Whether `other` asks the same policies everywhere.
    public func hasSamePolicies(as other: RunPlan) -> Bool {
        listeners.map { $0.policies.map(\.policy) } == other.listeners.map { $0.policies.map(\.policy) }
    }
}
