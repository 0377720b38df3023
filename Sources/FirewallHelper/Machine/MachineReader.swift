import Bytes
public import FirewallPlan
import Glibc
import Reactor

/// Looks at this machine, as far as the caller may: interfaces, settings, routes, other programs' tables.
///
/// It changes nothing. What it cannot look at becomes a sentence of `Machine.unseen`.
public struct MachineReader {
    /// Ways are looked up for so many mail hosts; each is a question to the kernel.
    private static let mostWays = 1024

    private let policy: EgressPolicy
    private var machine = Machine()

    /// What matters to `policy`; the log groups in `ours` are read by our own helper.
    public static func look(for policy: EgressPolicy, ours: Set<UInt16>) -> Machine {
        var reader = MachineReader(policy)
        reader.readInterfaces()
        reader.readSettings()
        reader.readWays()
        reader.readRouting()
        reader.readLogGroups(except: ours)
        reader.readNeighbours()
        return reader.machine
    }

    private init(_ policy: EgressPolicy) {
        self.policy = policy
    }

    // MARK: Settings

    private mutating func readSettings() {
        read("net/ipv4/ip_forward")
        read("net/ipv6/conf/all/forwarding")
        read("net/ipv4/tcp_fwmark_accept")
        let names = Set(machine.interfaces.map(\.name)).filter { name in
            policy.zones.contains { zone in zone.interfaces.contains { $0.matches(name) } }
        }
        for name in names.union(["all"]) {
            read("net/ipv4/conf/\(name)/rp_filter")
            read("net/ipv4/conf/\(name)/src_valid_mark")
        }
    }

    /// A file of /proc/sys; one that is not there is a setting that this kernel does not have.
    private mutating func read(_ path: String) {
        guard let text = Self.content("/proc/sys/" + path),
            let number = text.split(separator: "\n").first.flatMap({ Int($0) })
        else { return }
        machine.settings[path.split(separator: "/").joined(separator: ".")] = number
    }

    static func content(_ path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0, text.count < 1 << 20 {
            text += chunk[..<count]
        }
        return String(decoding: text, as: UTF8.self)
    }

    // MARK: Routes

    private mutating func readWays() {
        for host in policy.mailHosts.prefix(Self.mostWays) {
            guard let found = try? RouteLookup.route(to: host.someHost) else { continue }
            machine.ways[host] = found.isLocal ? .local : found.interface.map { .interface($0) } ?? Machine.Way.none
        }
        let rest = policy.mailHosts.count - Self.mostWays
        if rest > 0 { machine.unseen.append("the ways to \(rest) further mail hosts: too many to ask for each") }
    }

    private mutating func readRouting() {
        do throws(FirewallFault) {
            machine.routingRules = try PolicyRouting.rules()
            let table = (policy.interception ?? Interception(zones: [])).routingTable
            if try PolicyRouting.isUsed(table: table) { machine.foreignTables = [table] }
        } catch {
            machine.unseen.append("routing rules: \(error)")
        }
    }

    // MARK: The packet filter

    private mutating func readLogGroups(except ours: Set<UInt16>) {
        guard access("/proc/thread-self/net/netfilter", X_OK) == 0 else { return }
        guard let readers = Self.content("/proc/thread-self/net/netfilter/nfnetlink_log") else {
            // The file is there for root only; without the module there is no reader either.
            if geteuid() != 0 { machine.unseen.append("readers of log groups: this needs root") }
            return
        }
        let groups = readers.split(separator: "\n").compactMap { line in
            line.split(separator: " ").first.flatMap { UInt16($0) }
        }
        machine.foreignLogGroups = Set(groups).subtracting(ours)
    }

    private mutating func readNeighbours() {
        do throws(FirewallFault) {
            let found = try NetfilterLink().readNeighbours()
            machine.chains = found.chains
            machine.flowtables = found.flowtables
            machine.isNameTaken = found.isNameTaken
        } catch {
            machine.unseen.append("tables of other programs: \(error)")
        }
        // One line for each table of the old interface, which nftables does not show.
        if let tables = Self.content("/proc/thread-self/net/ip_tables_names"), !tables.isEmpty {
            machine.unseen.append("rules of iptables-legacy: only its own programs read them")
        }
    }

    // MARK: Interfaces

    private mutating func readInterfaces() {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else {
            machine.unseen.append("interfaces: \(Errno.last)")
            return
        }
        defer { freeifaddrs(list) }
        var next = list
        while let entry = next?.pointee {
            machine.interfaces.append(.init(name: String(cString: entry.ifa_name), net: Self.net(entry)))
            next = entry.ifa_next
        }
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
    /// An address that a host may have: the first of a block names the block itself.
    fileprivate var someHost: IPAddress {
        let isBlock = length < (address.isV4 ? 32 : 128)
        return isBlock ? IPAddress(high: address.high, low: address.low | 1) : address
    }
}
