import CNetfilter
public import FirewallPlan
import Glibc

let ownerFlag = reeve_nft_table_owner()
let persistFlag = reeve_nft_table_persist()

// Reading the kernel's side back into the values of a plan. What no plan of ours contains becomes a value that is equal
// to none, so that a difference is seen and repaired.
extension NetfilterLink {
    /// Our table with all it holds, as of one generation; nil when there is none.
    ///
    /// Elements of the sets in `unread` are left out: what rules fill may be hundreds of thousands.
    public func readTable(unread: Set<String> = []) throws(FirewallFault) -> ObservedTable? {
        for _ in 0..<8 {
            let before = try generation()
            guard var table = try readHeader() else { return nil }
            table.ruleset.counters = try readCounters().map(\.name)
            table.ruleset.sets = try readSets()
            for index in table.ruleset.sets.indices where !unread.contains(table.ruleset.sets[index].name) {
                table.ruleset.sets[index].elements = try readElements(of: table.ruleset.sets[index])
            }
            table.ruleset.chains = try readChains()
            let rules = try readRules()
            for index in table.ruleset.chains.indices {
                table.ruleset.chains[index].rules = rules[table.ruleset.chains[index].name] ?? []
            }
            if try generation() == before { return table }
            rereads += 1
        }
        throw .changedMeanwhile
    }

    /// The table itself, its flags and its owner; without what is in it.
    func readHeader() throws(FirewallFault) -> ObservedTable? {
        var found: ObservedTable?
        guard let wanted = nftnl_table_alloc() else { return nil }
        defer { nftnl_table_free(wanted) }
        _ = nftnl_table_set_str(wanted, UInt16(NFTNL_TABLE_NAME.rawValue), Table.ours.name)
        _ = try ask(
            NFT_MSG_GETTABLE, isList: false, reset: { found = nil },
            build: { nftnl_table_nlmsg_build_payload($0, wanted) },
            each: { message in
                guard let table = nftnl_table_alloc() else { return }
                defer { nftnl_table_free(table) }
                guard nftnl_table_nlmsg_parse(message.header, table) == 0 else { return }
                let hasOwner = nftnl_table_is_set(table, UInt16(NFTNL_TABLE_OWNER.rawValue))
                found = ObservedTable(
                    ruleset: Ruleset(), flags: nftnl_table_get_u32(table, UInt16(NFTNL_TABLE_FLAGS.rawValue)),
                    owner: hasOwner ? nftnl_table_get_u32(table, UInt16(NFTNL_TABLE_OWNER.rawValue)) : nil)
            })
        return found
    }

    /// The named counters and what they counted.
    public func readCounters() throws(FirewallFault) -> [CounterReading] {
        var counters: [CounterReading] = []
        guard let wanted = nftnl_obj_alloc() else { return [] }
        defer { nftnl_obj_free(wanted) }
        nftnl_obj_set_str(wanted, UInt16(NFTNL_OBJ_TABLE), Table.ours.name)
        nftnl_obj_set_u32(wanted, UInt16(NFTNL_OBJ_TYPE), UInt32(NFT_OBJECT_COUNTER))
        _ = try ask(
            NFT_MSG_GETOBJ, isList: true, reset: { counters = [] },
            build: { nftnl_obj_nlmsg_build_payload($0, wanted) },
            each: { message in
                guard let object = nftnl_obj_alloc() else { return }
                defer { nftnl_obj_free(object) }
                guard nftnl_obj_nlmsg_parse(message.header, object) >= 0,
                    Self.text(nftnl_obj_get_str(object, UInt16(NFTNL_OBJ_TABLE))) == Table.ours.name
                else { return }
                counters.append(
                    CounterReading(
                        name: Self.text(nftnl_obj_get_str(object, UInt16(NFTNL_OBJ_NAME))),
                        packets: nftnl_obj_get_u64(object, UInt16(NFTNL_OBJ_CTR_PKTS)),
                        bytes: nftnl_obj_get_u64(object, UInt16(NFTNL_OBJ_CTR_BYTES))))
            })
        return counters
    }

    static func text(_ pointer: UnsafePointer<CChar>?) -> String {
        pointer.map { String(cString: $0) } ?? ""
    }
}

// MARK: Chains and rules

extension NetfilterLink {
    private func readChains() throws(FirewallFault) -> [Chain] {
        var chains: [Chain] = []
        _ = try ask(
            NFT_MSG_GETCHAIN, isList: true, reset: { chains = [] }, build: { _ in },
            each: { message in
                guard let read = nftnl_chain_alloc() else { return }
                defer { nftnl_chain_free(read) }
                guard nftnl_chain_nlmsg_parse(message.header, read) == 0,
                    Self.text(nftnl_chain_get_str(read, UInt16(NFTNL_CHAIN_TABLE.rawValue))) == Table.ours.name
                else { return }
                let name = Self.text(nftnl_chain_get_str(read, UInt16(NFTNL_CHAIN_NAME.rawValue)))
                chains.append(Chain(name, base: Self.base(of: read)))
            })
        return chains
    }

    private static func base(of chain: OpaquePointer) -> BaseChain? {
        guard nftnl_chain_is_set(chain, UInt16(NFTNL_CHAIN_HOOKNUM.rawValue)),
            let hook = BaseChain.Hook(rawValue: nftnl_chain_get_u32(chain, UInt16(NFTNL_CHAIN_HOOKNUM.rawValue)))
        else { return nil }
        let type = text(nftnl_chain_get_str(chain, UInt16(NFTNL_CHAIN_TYPE.rawValue)))
        let policy = nftnl_chain_get_u32(chain, UInt16(NFTNL_CHAIN_POLICY.rawValue))
        // A chain of another type or policy is none of ours: no chain of a plan has this priority.
        guard type == BaseChain.type, policy == UInt32(NF_ACCEPT) else { return BaseChain(hook, priority: .min) }
        return BaseChain(hook, priority: nftnl_chain_get_s32(chain, UInt16(NFTNL_CHAIN_PRIO.rawValue)))
    }

    /// The rules of each chain, in order.
    private func readRules() throws(FirewallFault) -> [String: [Rule]] {
        var rules: [String: [Rule]] = [:]
        guard let wanted = nftnl_rule_alloc() else { return [:] }
        defer { nftnl_rule_free(wanted) }
        _ = nftnl_rule_set_str(wanted, UInt16(NFTNL_RULE_TABLE.rawValue), Table.ours.name)
        _ = try ask(
            NFT_MSG_GETRULE, isList: true, reset: { rules = [:] },
            build: { nftnl_rule_nlmsg_build_payload($0, wanted) },
            each: { message in
                guard let read = nftnl_rule_alloc() else { return }
                defer { nftnl_rule_free(read) }
                guard nftnl_rule_nlmsg_parse(message.header, read) == 0,
                    Self.text(nftnl_rule_get_str(read, UInt16(NFTNL_RULE_TABLE.rawValue))) == Table.ours.name
                else { return }
                let chain = Self.text(nftnl_rule_get_str(read, UInt16(NFTNL_RULE_CHAIN.rawValue)))
                rules[chain, default: []].append(Rule(reading: read))
            })
        return rules
    }
}

extension Rule {
    fileprivate init(reading rule: OpaquePointer) {
        var comment = ""
        var count: UInt32 = 0
        if let notes = nftnl_rule_get_data(rule, UInt16(NFTNL_RULE_USERDATA.rawValue), &count) {
            let octets = UnsafeRawBufferPointer(start: notes, count: Int(count))
            comment = UserData.comment(NFTNL_UDATA_RULE_COMMENT.rawValue, in: octets)
        }
        var expressions: [Expression] = []
        guard let iterator = nftnl_expr_iter_create(rule) else {
            self.init([], comment: comment)
            return
        }
        defer { nftnl_expr_iter_destroy(iterator) }
        while let next = nftnl_expr_iter_next(iterator) {
            let read = LibraryExpression(reading: next)
            guard let expression = Expression(read) else {
                // An empty rule is in no plan.
                self.init([], comment: "foreign expression \(read.name)")
                return
            }
            expressions.append(expression)
        }
        self.init(expressions, comment: comment)
    }
}

// MARK: Sets

extension NetfilterLink {
    private func readSets() throws(FirewallFault) -> [NamedSet] {
        var sets: [NamedSet] = []
        guard let wanted = nftnl_set_alloc() else { return [] }
        defer { nftnl_set_free(wanted) }
        _ = nftnl_set_set_str(wanted, UInt16(NFTNL_SET_TABLE.rawValue), Table.ours.name)
        _ = try ask(
            NFT_MSG_GETSET, isList: true, reset: { sets = [] },
            build: { nftnl_set_nlmsg_build_payload($0, wanted) },
            each: { message in
                guard let read = nftnl_set_alloc() else { return }
                defer { nftnl_set_free(read) }
                guard nftnl_set_nlmsg_parse(message.header, read) == 0,
                    Self.text(nftnl_set_get_str(read, UInt16(NFTNL_SET_TABLE.rawValue))) == Table.ours.name
                else { return }
                sets.append(NamedSet(reading: read))
            })
        return sets
    }

    /// What a set holds, in ascending order of keys.
    public func readElements(of set: NamedSet) throws(FirewallFault) -> [SetElement] {
        var read: [ReadElement] = []
        guard let wanted = nftnl_set_alloc() else { return [] }
        defer { nftnl_set_free(wanted) }
        _ = nftnl_set_set_str(wanted, UInt16(NFTNL_SET_TABLE.rawValue), Table.ours.name)
        _ = nftnl_set_set_str(wanted, UInt16(NFTNL_SET_NAME.rawValue), set.name)
        _ = try ask(
            NFT_MSG_GETSETELEM, isList: true, reset: { read = [] },
            build: { nftnl_set_elems_nlmsg_build_payload($0, wanted) },
            each: { message in
                guard let part = nftnl_set_alloc() else { return }
                defer { nftnl_set_free(part) }
                guard nftnl_set_elems_nlmsg_parse(message.header, part) == 0 else { return }
                guard let iterator = nftnl_set_elems_iter_create(part) else { return }
                defer { nftnl_set_elems_iter_destroy(iterator) }
                while let next = nftnl_set_elems_iter_next(iterator) { read.append(ReadElement(next)) }
            })
        return ReadElement.joined(read, isInterval: set.flags.contains(.interval))
    }
}

extension NamedSet {
    fileprivate init(reading set: OpaquePointer) {
        func number(_ attribute: nftnl_set_attr) -> UInt32 { nftnl_set_get_u32(set, UInt16(attribute.rawValue)) }
        func has(_ attribute: nftnl_set_attr) -> Bool { nftnl_set_is_set(set, UInt16(attribute.rawValue)) }
        var comment = ""
        var count: UInt32 = 0
        if let notes = nftnl_set_get_data(set, UInt16(NFTNL_SET_USERDATA.rawValue), &count) {
            let octets = UnsafeRawBufferPointer(start: notes, count: Int(count))
            comment = UserData.comment(NFTNL_UDATA_SET_COMMENT.rawValue, in: octets)
        }
        let timeout = nftnl_set_get_u64(set, UInt16(NFTNL_SET_TIMEOUT.rawValue))
        let size = number(NFTNL_SET_DESC_SIZE)
        self.init(
            NetfilterLink.text(nftnl_set_get_str(set, UInt16(NFTNL_SET_NAME.rawValue))),
            // No set of a plan has a key without fields.
            KeyType(number: number(NFTNL_SET_KEY_TYPE)) ?? KeyType(), flags: Flags(rawValue: number(NFTNL_SET_FLAGS)),
            timeout: has(NFTNL_SET_TIMEOUT) && timeout > 0 ? timeout : nil,
            size: has(NFTNL_SET_DESC_SIZE) && size > 0 ? size : nil, comment: comment)
    }
}
