import CNetfilter
import FirewallPlan
import Glibc

/// Something of nf_tables that a kernel may lack.
public enum KernelFeature: String, CaseIterable, Sendable {
    /// A table keeps its owner's name and outlives it (Linux 6.9).
    case persistentOwner = "tables that outlive their owner"
    case reject = "reject with tcp reset"
    case reversePath = "fib"
    case log = "log to a group"
    case meter = "limits in sets"
    case transparentProxy = "tproxy"
    case transparentSocket = "socket transparent"
    case notrack = "notrack"
}

extension NetfilterLink {
    /// What this kernel has, found out by rehearsal: nothing is ever committed, and modules are loaded on the way.
    public func features(
        of asked: [KernelFeature] = KernelFeature.allCases
    ) throws(FirewallFault) -> Set<KernelFeature> {
        var present: Set<KernelFeature> = []
        for feature in asked {
            do throws(FirewallFault) {
                try rehearse(feature)
                present.insert(feature)
            } catch {
                guard case .refused = error else { throw error }
            }
        }
        return present
    }

    private func rehearse(_ feature: KernelFeature) throws(FirewallFault) {
        let table = Table(name: "portreeve_rehearsal")
        var batch = batch(table: table)
        let flags = feature == .persistentOwner ? ownerFlag | persistFlag : 0
        let set = NamedSet("probe", .ipv4, flags: [.dynamic, .timeout], timeout: 60_000, size: 16, contents: .live)
        var operations: [Operation] = [.addTable(table), .addSet(set)]
        if let (hook, expressions) = feature.rule {
            operations.append(.addChain("probe", BaseChain(hook, priority: 0)))
            operations.append(.appendRule(chain: "probe", Rule(expressions)))
        }
        try batch.add(operations, tableFlags: flags)
        try rehearse(batch)
    }
}

extension KernelFeature {
    /// The smallest rule that needs it, and a hook where it is allowed.
    fileprivate var rule: (BaseChain.Hook, [Expression])? {
        let isTCP: [Expression] = [.meta(.l4proto, into: .r1), .compare(.r1, .equal, [6])]
        switch self {
        case .persistentOwner: return nil
        case .reject: return (.forward, isTCP + [.reject(.tcpReset)])
        case .reversePath: return (.forward, [.fib(.reverseInterface, into: .r1), .compare(.r1, .equal, [0])])
        case .log: return (.forward, [.log(group: 1, snapLength: 128, queueThreshold: 0, prefix: "probe ")])
        case .meter:
            let limit = Limit(rate: 1, unit: 60, burst: 1, isOver: true)
            let isV4: [Expression] = [.meta(.nfproto, into: .r1), .compare(.r1, .equal, [2])]
            let source = Expression.payload(.network, offset: 12, length: 4, into: .r1)
            return (.forward, isV4 + [source, .dynset(.init(.update, "probe", key: .r1, statement: .limit(limit)))])
        case .transparentProxy:
            let isV4: [Expression] = [.meta(.nfproto, into: .r1), .compare(.r1, .equal, [2])]
            let target: [Expression] = [.immediate(.r1, [127, 0, 0, 1]), .immediate(.r2, [0x27, 0x29])]
            return (.prerouting, isTCP + isV4 + target + [.tproxy(family: .ipv4, address: .r1, port: .r2)])
        case .transparentSocket:
            return (.prerouting, [.socketTransparent(into: .r1), .compare(.r1, .equal, [1])])
        case .notrack: return (.prerouting, [.notrack])
        }
    }
}
