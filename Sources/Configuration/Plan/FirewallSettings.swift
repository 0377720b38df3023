internal import Bytes
public import Diagnostics
public import FirewallPlan
public import PolicyLanguage

/// `firewall:`: the egress policy and where the helper that holds it answers.
public struct FirewallSettings: Sendable, Hashable {
    public var policy: LoadedEgress
    /// The place that names it.
    @Incidental public var range: SourceRange
    /// The helper's Unix socket.
    public var socket: String

    /// What the gateway has to answer for: empty unless a zone is intercepted.
    public var interceptedPurposes: Set<Interception.Purpose> {
        Set(policy.policy.interception?.zones.map(\.purpose) ?? [])
    }
}

extension RunPlan {
    /// What the firewall's rules take from the rest of the configuration; `now` in seconds since 1970.
    public func site(now: UInt64) -> Site {
        let backendNets = backends.flatMap(\.servers).compactMap { server -> AddressPrefix? in
            if case .address(let address) = server.host { AddressPrefix(address, bits: 128) } else { nil }
        }
        return Site(
            now: now, gatewayPorts: Set(listeners.flatMap(\.endpoints).map(\.endpoint.port)).subtracting([0]).sorted(),
            gatewayUID: PolicyFiles.system.user(user),
            neverBanned: neverBanned + listeners.flatMap(\.proxyFrom) + backendNets)
    }

    /// What `firewall apply` hands to the helper; nil without `firewall:`.
    public func deployment(now: UInt64) -> Deployment? {
        firewall?.policy.policy.deployment(at: site(now: now))
    }
}
