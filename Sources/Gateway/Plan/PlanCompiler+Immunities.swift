import Bytes
import Configuration
import Enforcement
import Throttle

// Whom no ban may hit: an attacker who could make us shut out our own mail server would need no other attack.

extension PlanCompiler {
    /// To be called with every plan that comes into use.
    func applyImmunities(_ plan: RunPlan, _ settings: [[PortSettings]]) {
        var immunities = plan.neverBanned.map { Immunity($0, "bans.never") }
        for listener in plan.listeners {
            immunities += listener.proxyFrom.map { Immunity($0, "proxy_from of listener \(listener.name)") }
        }
        for port in settings.first ?? [] {
            immunities += port.servers.map {
                Immunity(AddressPrefix($0.address, bits: 128), "backend \(port.context.backend.name)")
            }
        }
        immunities += OwnAddresses.all.map { Immunity(AddressPrefix($0, bits: 128), "an address of this machine") }
        immunities += Self.loopback.map { Immunity($0, "an address of this machine") }
        peers.bans.setImmunities(immunities)
    }

    private static let loopback = [
        AddressPrefix(IPAddress(v4: 0x7F00_0000), bits: 8), AddressPrefix(IPAddress(high: 0, low: 1), bits: 128),
    ]
}
