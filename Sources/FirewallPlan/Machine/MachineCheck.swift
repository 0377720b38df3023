internal import Bytes

/// What no policy file can know: whether its words fit the machine that it is to hold on.
///
/// Everything is a warning. A policy may be written for interfaces that come later, and other programs' rules may be
/// meant as they are; the operator decides.
public struct MachineCheck: Sendable {
    let policy: EgressPolicy
    let machine: Machine

    public init(_ policy: EgressPolicy, on machine: Machine) {
        (self.policy, self.machine) = (policy, machine)
    }

    /// In the order of their codes.
    public var findings: [MachineFinding] {
        absentInterfaces + wholeZones + forwarding + families + hostsOutside + borrowable + logGroup
            + (policy.interception.map(neighboursOfInterception) ?? []) + tableName + flowtables
    }

    // MARK: Zones

    private var absentInterfaces: [MachineFinding] {
        policy.zones.flatMap { zone in
            zone.interfaces.filter { pattern in !machine.interfaces.contains { pattern.matches($0.name) } }.map {
                MachineFinding(
                    .absentInterface, zone: zone.name, "there is no interface '\($0)' now",
                    hint: "its packets meet the rules once there is one")
            }
        }
    }

    /// Nets of a zone's interfaces that hosts may be in.
    private func nets(of zone: EgressPolicy.Zone) -> [AddressPrefix] {
        machine.interfaces.filter { interface in zone.interfaces.contains { $0.matches(interface.name) } }
            .compactMap(\.net).filter { !$0.isLinkLocal }
    }

    /// A mail host entry that holds a whole zone leaves nobody to refuse there.
    private var wholeZones: [MachineFinding] {
        policy.zones.flatMap { zone in
            nets(of: zone).flatMap { net in
                policy.mailHosts.filter { $0.length <= net.length && $0.contains(net.address) }.map {
                    MachineFinding(
                        .wholeZone, zone: zone.name,
                        "mail host entry \($0.shown) holds the whole net \(net) of this zone",
                        hint: "list the mail servers alone")
                }
            }
        }
    }

    // MARK: Forwarding

    private func isZero(_ setting: String) -> Bool { machine.settings[setting] == 0 }

    private var forwarding: [MachineFinding] {
        guard !policy.zones.isEmpty, isZero("net.ipv4.ip_forward"), isZero("net.ipv6.conf.all.forwarding") else {
            return []
        }
        return [
            MachineFinding(
                .noForwarding, "this machine forwards no packets, so its zones see none",
                hint: "sysctl net.ipv4.ip_forward=1, or use 'local' for this machine's own mail")
        ]
    }

    /// IPv6 is refused like IPv4, so a list of mail hosts with one family stops the mail of the other.
    private var families: [MachineFinding] {
        guard !policy.mailHosts.isEmpty else { return [] }
        return Family.allCases.compactMap { family in
            let isListed = policy.mailHosts.contains { $0.address.family == family }
            let isUsed = policy.zones.contains { zone in nets(of: zone).contains { $0.address.family == family } }
            guard !isListed, isUsed, (machine.settings[family.forwarding] ?? 0) > 0 else { return nil }
            return MachineFinding(
                .oneFamilyOnly, "this machine forwards \(family.words), and no mail host has an address of it",
                hint: "a mail server that has such an address is refused: list it too")
        }
    }

    // MARK: Mail hosts

    private var hostsOutside: [MachineFinding] {
        policy.mailHosts.compactMap { host in
            switch machine.ways[host] {
            case .interface(let name):
                guard !policy.zones.isEmpty, !isInZone(name) else { return nil }
                return MachineFinding(
                    .hostOutsideZones, "mail host \(host.shown) is behind '\(name)', which is in no zone",
                    hint: "its entry permits nothing: name its interface in a zone, or remove it")
            case .local:
                return MachineFinding(
                    .hostOutsideZones, "mail host \(host.shown) is this machine, whose own mail is not forwarded",
                    hint: "its entry permits nothing: see 'local'")
            case .none?:
                return MachineFinding(
                    .hostOutsideZones, "mail host \(host.shown) is behind no interface: there is no route to it",
                    hint: "add the route, or remove the entry")
            case nil: return nil
            }
        }
    }

    private func isInZone(_ interface: String) -> Bool {
        policy.zones.contains { zone in zone.interfaces.contains { $0.matches(interface) } }
    }

    /// With neither our test nor the kernel's, any neighbour can send with a mail host's address.
    private var borrowable: [MachineFinding] {
        guard policy.spoofed == .accept, machine.settings["net.ipv4.conf.all.rp_filter"] == 0 else { return [] }
        let names = Set(machine.interfaces.map(\.name)).sorted().filter {
            isInZone($0) && isZero("net.ipv4.conf.\($0).rp_filter")
        }
        return names.map {
            MachineFinding(
                .borrowableAddress, "a mail host's address can be borrowed by anybody on '\($0)'",
                hint: "'spoofed: drop', or sysctl net.ipv4.conf.\($0).rp_filter=1")
        }
    }
}

extension Family {
    fileprivate var forwarding: String {
        switch self {
        case .ipv4: "net.ipv4.ip_forward"
        case .ipv6: "net.ipv6.conf.all.forwarding"
        }
    }

    var words: String {
        switch self {
        case .ipv4: "IPv4"
        case .ipv6: "IPv6"
        }
    }
}

extension AddressPrefix {
    /// Without the length where it is a single address.
    fileprivate var shown: String { length == address.family.bits ? "\(address)" : "\(self)" }

    /// fe80::/10.
    fileprivate var isLinkLocal: Bool { !address.isV4 && address.high >> 54 == 0x3FA }
}
