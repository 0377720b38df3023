import Bytes
import FirewallPlan

// Single hosts that people, meters and the gateway put into sets.
extension FirewallKeeper {
    /// A ban of the gateway lasts at most this long, milliseconds.
    private static let longestBan: UInt64 = 30 * 86_400_000

    func enter(
        _ prefix: AddressPrefix, _ set: HostSet, _ milliseconds: UInt64?, _ reason: String
    ) throws(FirewallFault) -> HelperReply {
        guard let host = prefix.asHost else {
            return .refused(
                .init(.outsidePolicy, "\(prefix) is more than one host: name an IPv4 address or an IPv6 /64"))
        }
        guard let target = definition(set, host) else { return Self.nothingApplied }
        let element = SetElement(host.key, timeout: milliseconds, comment: reason)
        try link.add([element], to: target)
        // The last word counts: who is allowed is no longer denied or caught, and the other way round.
        for other in set == .allowed ? [HostSet.denied, .blocked] : [.allowed] {
            if let definition = definition(other, host) {
                _ = try link.delete(SetElement(host.key), from: definition)
            }
        }
        saveHosts()
        return .done
    }

    func ban(_ prefix: AddressPrefix, _ milliseconds: UInt64, _ reason: String) throws(FirewallFault) -> HelperReply {
        guard let applied else { return Self.nothingApplied }
        guard let host = prefix.asHost else {
            return .refused(.init(.outsidePolicy, "\(prefix) is more than one host"))
        }
        if let spared = applied.neverBanned.first(where: { $0.contains(host.address) || host.contains($0.address) }) {
            return .refused(.init(.outsidePolicy, "\(host) is never banned: \(spared)"))
        }
        guard let target = definition(.banned, host) else { return Self.nothingApplied }
        let length = min(max(milliseconds, 1000), Self.longestBan)
        try link.add([SetElement(host.key, timeout: length, comment: reason)], to: target)
        return .done
    }

    func forget(_ prefix: AddressPrefix, _ set: HostSet) throws(FirewallFault) -> HelperReply {
        guard let host = prefix.asHost, let target = definition(set, host) else { return Self.nothingApplied }
        guard try link.delete(SetElement(host.key), from: target) else {
            return .refused(.init(.state, "\(host.address) is not in \(target.name)"))
        }
        saveHosts()
        return .done
    }

    func hosts(in set: HostSet) throws(FirewallFault) -> [HostEntry] {
        var entries: [HostEntry] = []
        for family in Family.allCases {
            guard let target = applied?.ruleset.set(set.name(family)) else { continue }
            for element in try link.readElements(of: target) {
                guard let host = AddressPrefix(key: element.key) else { continue }
                entries.append(
                    HostEntry(
                        host: host, secondsLeft: element.expiration.map { ($0 + 999) / 1000 }, reason: element.comment))
            }
        }
        return entries
    }

    private func definition(_ set: HostSet, _ host: AddressPrefix) -> NamedSet? {
        applied?.ruleset.set(set.name(host.family))?.definition
    }
}

// MARK: Through restarts

extension FirewallKeeper {
    private static let kept: [(HostSet, StateDirectory.File)] = [(.allowed, .allowed), (.denied, .denied)]

    /// Writes down what was allowed and denied by hand, each with the second of its end.
    private func saveHosts() {
        for (set, file) in Self.kept {
            guard var entries = try? hosts(in: set) else { continue }
            for index in entries.indices {
                entries[index].secondsLeft = entries[index].secondsLeft.map { $0 + clock() / 1000 }
            }
            try? state.write(file, HelperReply.hosts(entries))
        }
    }

    /// Puts back what a new table lacks: it was flushed, or the machine was restarted.
    func restoreHosts(after operations: [Operation]) throws(FirewallFault) {
        let made = operations.contains { if case .addSet = $0 { true } else { false } }
        guard made else { return }
        let now = clock() / 1000
        for (set, file) in Self.kept {
            guard case .hosts(let entries)? = state.read(file, as: HelperReply.self) else { continue }
            for entry in entries where entry.secondsLeft.map({ $0 > now }) ?? true {
                guard let host = entry.host.asHost, let target = definition(set, host) else { continue }
                let left = entry.secondsLeft.map { ($0 - now) * 1000 }
                try link.add([SetElement(host.key, timeout: left, comment: entry.reason)], to: target)
            }
        }
    }
}
