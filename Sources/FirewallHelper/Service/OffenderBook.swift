import Bytes
import FirewallPlan

/// Who tried, from the records of the log: bounded, whatever anybody sends.
///
/// The log is rate-limited by the rules, so numbers of tries come from the kernel's own count; this adds when, whereto and
/// from which machine.
struct OffenderBook {
    /// Sources that are known at once; a new one beyond takes the place of those silent for a day.
    static let capacity = 65536
    /// Different destinations that are told apart of one source.
    static let destinations = 256
    private static let day: UInt64 = 86400

    struct Entry {
        var zone: String
        var action: Attempt.Action
        /// Seconds since 1970.
        var first: UInt64
        var last: UInt64
        /// How often each destination was tried.
        var tries: [IPAddress: UInt32] = [:]
        var macAddress: String
        var interface: String
        /// What the kernel's counter said before it was lost (a restart of the machine).
        var attempts: UInt64 = 0
    }

    private(set) var entries: [AddressPrefix: Entry] = [:]
    /// When a full book was last looked through; a flood of new sources must not cost that each time.
    private var sweptAt: UInt64 = 0

    /// `bits` tell the zone's IPv6 hosts apart; an IPv4 host is an address.
    mutating func note(_ attempt: Attempt, bits: Int) {
        // A SYN/ACK from port 25 accuses the host that it is for.
        let isTriangular = attempt.action == .triangular
        let address = isTriangular ? attempt.destination.address : attempt.source.address
        let host = AddressPrefix(address, bits: address.isV4 ? 32 : bits)
        let other = isTriangular ? attempt.source.address : attempt.destination.address
        let now = attempt.time / 1000
        if entries[host] == nil {
            if entries.count >= Self.capacity { sweep(now) }
            guard entries.count < Self.capacity else { return }
        }
        var entry =
            entries[host]
            ?? Entry(
                zone: attempt.zone, action: attempt.action, first: now, last: now, macAddress: "", interface: "")
        entry.last = now
        entry.zone = attempt.zone
        entry.action = attempt.action
        entry.macAddress = isTriangular ? entry.macAddress : attempt.macAddress
        entry.interface = isTriangular ? attempt.outputInterface : attempt.inputInterface
        if entry.tries[other] != nil || entry.tries.count < Self.destinations { entry.tries[other, default: 0] &+= 1 }
        entries[host] = entry
    }

    private mutating func sweep(_ now: UInt64) {
        guard now >= sweptAt + 60 else { return }
        sweptAt = now
        entries = entries.filter { $0.value.last + Self.day >= now }
    }
}

// MARK: Reports

extension OffenderBook {
    /// Everybody seen since `since`, the busiest first; `counted` are the kernel's counts.
    func report(since: UInt64, counted: [AddressPrefix: (attempts: UInt64, last: UInt64)]) -> [Offender] {
        let hosts = Set(entries.keys).union(counted.keys)
        return hosts.compactMap { host in
            let entry = entries[host]
            let count = counted[host]
            let last = max(entry?.last ?? 0, count?.last ?? 0)
            guard last >= since else { return nil }
            let most = (entry?.tries ?? [:]).sorted {
                $0.value == $1.value ? $0.key.description < $1.key.description : $0.value > $1.value
            }
            return Offender(
                host: host, zone: entry?.zone ?? "", action: entry?.action ?? .refused,
                attempts: count?.attempts ?? entry?.attempts ?? 0, first: entry?.first ?? 0, last: last,
                destinations: UInt32(entry?.tries.count ?? 0), topDestinations: most.prefix(5).map(\.key),
                macAddress: entry?.macAddress ?? "", interface: entry?.interface ?? "")
        }.sorted { $0.attempts == $1.attempts ? $0.host.description < $1.host.description : $0.attempts > $1.attempts }
    }

    /// Takes up what an earlier process wrote down.
    mutating func restore(_ offenders: [Offender]) {
        for offender in offenders.prefix(Self.capacity) where offender.first > 0 {
            var entry = Entry(
                zone: offender.zone, action: offender.action, first: offender.first, last: offender.last,
                macAddress: offender.macAddress, interface: offender.interface)
            entry.attempts = offender.attempts
            for destination in offender.topDestinations { entry.tries[destination] = 1 }
            entries[offender.host] = entry
        }
    }
}
