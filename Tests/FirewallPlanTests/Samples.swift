import Bytes
import FirewallPlan
import Testing

/// A policy with every kind of zone, and packets through it.
enum Samples {
    static func interfaces(_ names: String...) -> [InterfacePattern] { names.compactMap { InterfacePattern($0) } }
    static func prefixes(_ texts: String...) -> [AddressPrefix] { texts.compactMap { AddressPrefix($0) } }

    static let now: UInt64 = 1_999_990_000

    static var policy: EgressPolicy {
        var policy = EgressPolicy(name: "residential-egress")
        var wifi = EgressPolicy.Zone(name: "wifi", interfaces: interfaces("wifi*"), mode: .adaptive)
        wifi.attempts = .init(count: 30, unit: 3600, burst: 10)
        wifi.newDestinations = .init(count: 10, unit: 3600, burst: 5)
        wifi.ipv6Prefix = 56
        policy.zones = [
            .init(name: "customers", interfaces: interfaces("lan0", "ppp*"), mode: .block), wifi,
            .init(name: "guests", interfaces: interfaces("guest0"), mode: .explain),
            .init(name: "office", interfaces: interfaces("off0"), mode: .relay),
            .init(name: "lab-1", interfaces: interfaces("lab0"), mode: .monitor),
        ]
        policy.mailHosts = prefixes("10.60.1.24/30", "fd60:1::25", "2001:db8:25::/64")
        policy.relays = prefixes("198.51.100.25", "2001:db8:99::25")
        policy.exemptions = prefixes("10.60.1.77", "fd60:1:0:7::/64").map {
            .init(host: $0, until: 2_000_000_000, reason: "ticket 7")
        }
        policy.local = .init(uids: [102], isBlocking: true)
        return policy
    }

    static var site: Site {
        Site(now: now, gatewayPorts: [25, 587], gatewayUID: 103, neverBanned: prefixes("192.0.2.0/24"))
    }

    static var filter: PacketFilter { PacketFilter(policy.ruleset(at: site)) }

    static func endpoint(_ text: String, _ port: UInt16) throws -> Endpoint {
        Endpoint(address: try #require(IPAddress(text)), port: port)
    }

    /// A host's first packet to a port, as the forward hook sees it.
    static func attempt(
        _ source: String, to destination: String, port: UInt16 = 25, on interface: String = "lan0",
        hook: BaseChain.Hook = .forward
    ) throws -> Packet {
        var packet = Packet(hook, from: try endpoint(source, 40_000), to: try endpoint(destination, port))
        packet.inputInterface = interface
        packet.outputInterface = hook == .forward ? "wan0" : ""
        return packet
    }
}
