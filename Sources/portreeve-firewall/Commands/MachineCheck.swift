import Bytes
import FirewallPlan
import Glibc

/// What of this machine does not fit the policy: things that no policy file can know.
struct MachineCheck {
    private let policy: EgressPolicy
    private let interfaces: [Interface]

    /// An address of an interface and the net it is in.
    private struct Interface {
        let name: String
        let net: AddressPrefix?
    }

    init(_ policy: EgressPolicy) {
        self.policy = policy
        interfaces = Self.interfaces()
    }

    /// One sentence each.
    var warnings: [String] { absentInterfaces + wholeZones + forwarding + logGroup }

    private var absentInterfaces: [String] {
        policy.zones.flatMap { zone in
            zone.interfaces.filter { pattern in !interfaces.contains { pattern.matches($0.name) } }
                .map { "zone '\(zone.name)': there is no interface '\($0)' now" }
        }
    }

    /// A mail host entry that holds a whole zone leaves nobody to refuse there.
    private var wholeZones: [String] {
        policy.zones.flatMap { zone in
            let nets = interfaces.filter { interface in zone.interfaces.contains { $0.matches(interface.name) } }
                .compactMap(\.net).filter { !$0.isLinkLocal }
            return nets.flatMap { net in
                policy.mailHosts.filter { $0.length <= net.length && $0.contains(net.address) }
                    .map { "zone '\(zone.name)': mail host entry \($0) holds its whole net \(net)" }
            }
        }
    }

    private var forwarding: [String] {
        let keys = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"]
        guard !policy.zones.isEmpty, keys.allSatisfy({ Self.setting($0) == "0" }) else { return [] }
        return ["this machine forwards no packets (net.ipv4.ip_forward is 0), so its zones see none"]
    }

    /// A group of the packet log has one reader; a second program's would take ours or be refused.
    private var logGroup: [String] {
        guard let table = Self.content("/proc/net/netfilter/nfnetlink_log") else { return [] }
        let isTaken = table.split(separator: "\n").contains { line in
            line.split(separator: " ").first == "\(policy.logGroup)"
        }
        return isTaken
            ? ["log group \(policy.logGroup) has a reader: if that is not our helper, choose another 'log_group'"] : []
    }

    // MARK: The machine

    private static func setting(_ key: String) -> String? {
        content("/proc/sys/\(key)")?.split(separator: "\n").first.map(String.init)
    }

    private static func content(_ path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var octets = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&octets, 1, octets.count, file)
        return String(decoding: octets[..<count], as: UTF8.self)
    }

    /// Every interface, once for each of its addresses.
    private static func interfaces() -> [Interface] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: [Interface] = []
        var next = list
        while let entry = next?.pointee {
            found.append(Interface(name: String(cString: entry.ifa_name), net: net(entry)))
            next = entry.ifa_next
        }
        return found
    }

    private static func net(_ entry: ifaddrs) -> AddressPrefix? {
        guard let address = entry.ifa_addr.flatMap(Self.address), let mask = entry.ifa_netmask.flatMap(Self.address)
        else { return nil }
        let bits =
            mask.isV4 || address.isV4
            ? mask.v4Bits.nonzeroBitCount : mask.high.nonzeroBitCount + mask.low.nonzeroBitCount
        return AddressPrefix(address, bits: bits)
    }

    private static func address(_ pointer: UnsafeMutablePointer<sockaddr>) -> IPAddress? {
        switch Int32(pointer.pointee.sa_family) {
        case AF_INET:
            return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                IPAddress(v4: UInt32(bigEndian: $0.pointee.sin_addr.s_addr))
            }
        case AF_INET6:
            return pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { entry in
                withUnsafeBytes(of: entry.pointee.sin6_addr) { IPAddress(octets: Array($0)) }
            }
        default: return nil
        }
    }
}

extension AddressPrefix {
    fileprivate var isLinkLocal: Bool { !address.isV4 && address.high >> 54 == 0x3FA }
}
