import CNetfilter
import FirewallPlan
import Glibc

/// What other programs have in nftables, as far as it may stand in our way.
struct Neighbours {
    var chains: [NeighbourChain] = []
    var flowtables: [Machine.Flowtable] = []
    /// A table of our name has chains, and none of them is the one by which we know our plans.
    var isNameTaken = false
}

extension NetfilterLink {
    func readNeighbours() throws(FirewallFault) -> Neighbours {
        var found = Neighbours()
        let chains = try readForeignChains()
        let rules = try readForeignRules()
        for (key, chain) in chains {
            guard !key.isOurs else { continue }
            var chain = chain
            for rule in rules[key] ?? [] {
                chain.acceptedMarks += rule.acceptedMarks
                chain.writtenMark |= rule.writtenMark
            }
            if rules[key]?.last?.refusesTheRest ?? false { chain.dropsTheRest = true }
            found.chains.append(chain)
        }
        let ours = chains.map(\.key).filter(\.isOurs)
        found.isNameTaken = !ours.isEmpty && !ours.contains { $0.name == "about" }
        found.flowtables = try readFlowtables()
        return found
    }

    /// A chain's place; rules name it, chains have it.
    fileprivate struct ChainKey: Hashable {
        var family: UInt32
        var table: String
        var name: String

        var isOurs: Bool { family == Table.inet && table == Table.ours.name }

        /// As nft writes it; nil for a family whose packets are none of ours.
        var shownTable: String? {
            switch Int(family) {
            case Int(NFPROTO_INET): "inet \(table)"
            case Int(NFPROTO_IPV4): "ip \(table)"
            case Int(NFPROTO_IPV6): "ip6 \(table)"
            default: nil
            }
        }
    }

    private func readForeignChains() throws(FirewallFault) -> [(key: ChainKey, value: NeighbourChain)] {
        var chains: [(key: ChainKey, value: NeighbourChain)] = []
        _ = try ask(
            NFT_MSG_GETCHAIN, family: Int(NFPROTO_UNSPEC), isList: true, reset: { chains = [] }, build: { _ in },
            each: { message in
                guard let read = nftnl_chain_alloc() else { return }
                defer { nftnl_chain_free(read) }
                guard nftnl_chain_nlmsg_parse(message.header, read) == 0 else { return }
                let key = ChainKey(
                    family: nftnl_chain_get_u32(read, UInt16(NFTNL_CHAIN_FAMILY.rawValue)),
                    table: Self.text(nftnl_chain_get_str(read, UInt16(NFTNL_CHAIN_TABLE.rawValue))),
                    name: Self.text(nftnl_chain_get_str(read, UInt16(NFTNL_CHAIN_NAME.rawValue))))
                guard let table = key.shownTable else { return }
                let isBase = nftnl_chain_is_set(read, UInt16(NFTNL_CHAIN_HOOKNUM.rawValue))
                let hook = nftnl_chain_get_u32(read, UInt16(NFTNL_CHAIN_HOOKNUM.rawValue))
                let policy = nftnl_chain_get_u32(read, UInt16(NFTNL_CHAIN_POLICY.rawValue))
                chains.append(
                    (
                        key,
                        NeighbourChain(
                            table: table, name: key.name, hook: isBase ? BaseChain.Hook(rawValue: hook) : nil,
                            dropsTheRest: isBase && policy == UInt32(NF_DROP))
                    ))
            })
        return chains
    }

    private func readForeignRules() throws(FirewallFault) -> [ChainKey: [NeighbourRule]] {
        var rules: [ChainKey: [NeighbourRule]] = [:]
        _ = try ask(
            NFT_MSG_GETRULE, family: Int(NFPROTO_UNSPEC), isList: true, reset: { rules = [:] }, build: { _ in },
            each: { message in
                guard let read = nftnl_rule_alloc() else { return }
                defer { nftnl_rule_free(read) }
                guard nftnl_rule_nlmsg_parse(message.header, read) == 0 else { return }
                let key = ChainKey(
                    family: nftnl_rule_get_u32(read, UInt16(NFTNL_RULE_FAMILY.rawValue)),
                    table: Self.text(nftnl_rule_get_str(read, UInt16(NFTNL_RULE_TABLE.rawValue))),
                    name: Self.text(nftnl_rule_get_str(read, UInt16(NFTNL_RULE_CHAIN.rawValue))))
                if !key.isOurs { rules[key, default: []].append(NeighbourRule(reading: read)) }
            })
        return rules
    }

    private func readFlowtables() throws(FirewallFault) -> [Machine.Flowtable] {
        var tables: [Machine.Flowtable] = []
        _ = try ask(
            NFT_MSG_GETFLOWTABLE, family: Int(NFPROTO_UNSPEC), isList: true, reset: { tables = [] }, build: { _ in },
            each: { message in
                if let table = Machine.Flowtable(message) { tables.append(table) }
            })
        return tables
    }
}

extension Machine.Flowtable {
    /// Nil for one of a family whose packets are none of ours.
    init?(_ message: NetlinkMessage) {
        guard let read = nftnl_flowtable_alloc() else { return nil }
        defer { nftnl_flowtable_free(read) }
        guard nftnl_flowtable_nlmsg_parse(message.header, read) == 0 else { return nil }
        func text(_ attribute: nftnl_flowtable_attr) -> String {
            NetfilterLink.text(nftnl_flowtable_get_str(read, UInt16(attribute.rawValue)))
        }
        let key = NetfilterLink.ChainKey(
            family: nftnl_flowtable_get_u32(read, UInt16(NFTNL_FLOWTABLE_FAMILY.rawValue)),
            table: text(NFTNL_FLOWTABLE_TABLE), name: text(NFTNL_FLOWTABLE_NAME))
        guard let table = key.shownTable else { return nil }
        self.init(table: table, name: key.name, devices: Self.devices(of: read))
    }

    /// An array of names that ends with a null pointer.
    private static func devices(of flowtable: OpaquePointer) -> [String] {
        guard var next = nftnl_flowtable_get_array(flowtable, UInt16(NFTNL_FLOWTABLE_DEVICES.rawValue)) else {
            return []
        }
        var names: [String] = []
        while let name = next.pointee {
            names.append(String(cString: name))
            next += 1
        }
        return names
    }
}
