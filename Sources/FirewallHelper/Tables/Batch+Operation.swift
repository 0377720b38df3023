import CNetfilter
import FirewallPlan
import Reactor

extension Batch {
    /// Adds `operations`, in their order.
    ///
    /// `flags` are the table's when it is made or adopted (owner, persist).
    mutating func add(_ operations: [Operation], tableFlags flags: UInt32) throws(FirewallFault) {
        var numbers: [String: UInt32] = [:]
        for operation in operations {
            if case .addSet(let set) = operation { numbers[set.name] = UInt32(numbers.count + 1) }
        }
        for operation in operations { try add(operation, flags, numbers) }
    }

    private mutating func add(
        _ operation: Operation, _ tableFlags: UInt32, _ numbers: [String: UInt32]
    ) throws(FirewallFault) {
        switch operation {
        case .addTable(let table): try addTable(NFT_MSG_NEWTABLE, NLM_F_CREATE, table, tableFlags, operation)
        case .deleteTable(let table): try addTable(NFT_MSG_DELTABLE, 0, table, nil, operation)
        case .addCounter(let name): try addCounter(NFT_MSG_NEWOBJ, NLM_F_CREATE, name, operation)
        case .deleteCounter(let name): try addCounter(NFT_MSG_DELOBJ, 0, name, operation)
        case .addSet(let set): try addSet(set, number: numbers[set.name] ?? 0, operation)
        case .deleteSet(let name): try deleteSet(name, operation)
        case .addElements(let set, let elements):
            try addElements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, set, elements, numbers[set.name], operation)
        case .deleteElements(let set, let elements):
            try addElements(NFT_MSG_DELSETELEM, 0, set, elements, nil, operation)
        case .addChain(let name, let base): try addChain(NFT_MSG_NEWCHAIN, NLM_F_CREATE, name, base, operation)
        case .deleteChain(let name): try addChain(NFT_MSG_DELCHAIN, 0, name, nil, operation)
        case .flushChain(let name): try addRule(NFT_MSG_DELRULE, 0, name, nil, numbers, operation)
        case .appendRule(let chain, let rule):
            try addRule(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, chain, rule, numbers, operation)
        }
    }

}

/// The library gave no object.
private let outOfMemory = FirewallFault.socket(Errno(12))

// MARK: Tables, counters, chains

extension Batch {
    private mutating func addTable(
        _ message: nf_tables_msg_types, _ flags: Int32, _ table: Table, _ tableFlags: UInt32?, _ operation: Operation
    ) throws(FirewallFault) {
        guard let object = nftnl_table_alloc() else { throw outOfMemory }
        defer { nftnl_table_free(object) }
        _ = nftnl_table_set_str(object, UInt16(NFTNL_TABLE_NAME.rawValue), table.name)
        if let tableFlags { nftnl_table_set_u32(object, UInt16(NFTNL_TABLE_FLAGS.rawValue), tableFlags) }
        _ = add(message, flags: flags, operation.label) { nftnl_table_nlmsg_build_payload($0, object) }
    }

    private mutating func addCounter(
        _ message: nf_tables_msg_types, _ flags: Int32, _ name: String, _ operation: Operation
    ) throws(FirewallFault) {
        guard let object = nftnl_obj_alloc() else { throw outOfMemory }
        defer { nftnl_obj_free(object) }
        nftnl_obj_set_str(object, UInt16(NFTNL_OBJ_TABLE), table)
        nftnl_obj_set_str(object, UInt16(NFTNL_OBJ_NAME), name)
        nftnl_obj_set_u32(object, UInt16(NFTNL_OBJ_TYPE), UInt32(NFT_OBJECT_COUNTER))
        _ = add(message, flags: flags, operation.label) { nftnl_obj_nlmsg_build_payload($0, object) }
    }

    private mutating func addChain(
        _ message: nf_tables_msg_types, _ flags: Int32, _ name: String, _ base: BaseChain?, _ operation: Operation
    ) throws(FirewallFault) {
        guard let object = nftnl_chain_alloc() else { throw outOfMemory }
        defer { nftnl_chain_free(object) }
        _ = nftnl_chain_set_str(object, UInt16(NFTNL_CHAIN_TABLE.rawValue), table)
        _ = nftnl_chain_set_str(object, UInt16(NFTNL_CHAIN_NAME.rawValue), name)
        if let base {
            _ = nftnl_chain_set_str(object, UInt16(NFTNL_CHAIN_TYPE.rawValue), BaseChain.type)
            nftnl_chain_set_u32(object, UInt16(NFTNL_CHAIN_HOOKNUM.rawValue), base.hook.rawValue)
            nftnl_chain_set_s32(object, UInt16(NFTNL_CHAIN_PRIO.rawValue), base.priority)
            nftnl_chain_set_u32(object, UInt16(NFTNL_CHAIN_POLICY.rawValue), UInt32(NF_ACCEPT))
        }
        _ = add(message, flags: flags, operation.label) { nftnl_chain_nlmsg_build_payload($0, object) }
    }
}

// MARK: Rules

extension Batch {
    /// Without a rule: all rules of the chain.
    private mutating func addRule(
        _ message: nf_tables_msg_types, _ flags: Int32, _ chain: String, _ rule: Rule?, _ numbers: [String: UInt32],
        _ operation: Operation
    ) throws(FirewallFault) {
        guard let object = nftnl_rule_alloc() else { throw outOfMemory }
        defer { nftnl_rule_free(object) }
        _ = nftnl_rule_set_str(object, UInt16(NFTNL_RULE_TABLE.rawValue), table)
        _ = nftnl_rule_set_str(object, UInt16(NFTNL_RULE_CHAIN.rawValue), chain)
        nftnl_rule_set_u32(object, UInt16(NFTNL_RULE_FAMILY.rawValue), UInt32(NFPROTO_INET))
        for expression in rule?.expressions ?? [] {
            guard let made = expression.encoded(setNumber: { numbers[$0] }) else { throw outOfMemory }
            nftnl_rule_add_expr(object, made.pointer)
        }
        var notes = UserData()
        notes.add(NFTNL_UDATA_RULE_COMMENT.rawValue, comment: rule?.comment ?? "")
        if !notes.octets.isEmpty {
            _ = nftnl_rule_set_data(
                object, UInt16(NFTNL_RULE_USERDATA.rawValue), notes.octets, UInt32(notes.octets.count))
        }
        _ = add(message, flags: flags, operation.label) { nftnl_rule_nlmsg_build_payload($0, object) }
    }
}

// MARK: Sets

extension Batch {
    private mutating func addSet(_ set: NamedSet, number: UInt32, _ operation: Operation) throws(FirewallFault) {
        guard let object = nftnl_set_alloc() else { throw outOfMemory }
        defer { nftnl_set_free(object) }
        identify(object, set.name)
        nftnl_set_set_u32(object, UInt16(NFTNL_SET_ID.rawValue), number)
        nftnl_set_set_u32(object, UInt16(NFTNL_SET_KEY_TYPE.rawValue), set.key.number)
        nftnl_set_set_u32(object, UInt16(NFTNL_SET_KEY_LEN.rawValue), UInt32(set.key.length))
        nftnl_set_set_u32(object, UInt16(NFTNL_SET_FLAGS.rawValue), set.flags.rawValue)
        if let timeout = set.timeout { nftnl_set_set_u64(object, UInt16(NFTNL_SET_TIMEOUT.rawValue), timeout) }
        if let size = set.size { nftnl_set_set_u32(object, UInt16(NFTNL_SET_DESC_SIZE.rawValue), size) }
        var notes = UserData()
        // nft's BYTEORDER_HOST_ENDIAN and BYTEORDER_BIG_ENDIAN.
        let isBigEndian = set.key.fields.allSatisfy(\.isBigEndian)
        notes.add(NFTNL_UDATA_SET_KEYBYTEORDER.rawValue, UInt32(isBigEndian ? 2 : 1))
        notes.add(NFTNL_UDATA_SET_COMMENT.rawValue, comment: set.comment)
        _ = nftnl_set_set_data(
            object, UInt16(NFTNL_SET_USERDATA.rawValue), notes.octets, UInt32(notes.octets.count))
        _ = add(NFT_MSG_NEWSET, flags: NLM_F_CREATE, operation.label) { nftnl_set_nlmsg_build_payload($0, object) }
    }

    private mutating func deleteSet(_ name: String, _ operation: Operation) throws(FirewallFault) {
        guard let object = nftnl_set_alloc() else { throw outOfMemory }
        defer { nftnl_set_free(object) }
        identify(object, name)
        _ = add(NFT_MSG_DELSET, operation.label) { nftnl_set_nlmsg_build_payload($0, object) }
    }

    /// As many messages as the elements need: an attribute of one holds at most 64 KiB.
    private mutating func addElements(
        _ message: nf_tables_msg_types, _ flags: Int32, _ set: NamedSet, _ elements: [SetElement], _ number: UInt32?,
        _ operation: Operation
    ) throws(FirewallFault) {
        guard !elements.isEmpty, let object = nftnl_set_alloc() else { return }
        defer { nftnl_set_free(object) }
        identify(object, set.name)
        if let number { nftnl_set_set_u32(object, UInt16(NFTNL_SET_ID.rawValue), number) }
        for element in elements { try element.add(to: object) }
        guard let iterator = nftnl_set_elems_iter_create(object) else { throw outOfMemory }
        defer { nftnl_set_elems_iter_destroy(iterator) }
        var more: Int32? = 1
        while more == 1 {
            more = add(message, flags: flags, operation.label) {
                nftnl_set_elems_nlmsg_build_payload_iter($0, iterator)
            }
        }
    }

    private func identify(_ object: OpaquePointer, _ name: String) {
        _ = nftnl_set_set_str(object, UInt16(NFTNL_SET_TABLE.rawValue), table)
        _ = nftnl_set_set_str(object, UInt16(NFTNL_SET_NAME.rawValue), name)
        nftnl_set_set_u32(object, UInt16(NFTNL_SET_FAMILY.rawValue), UInt32(NFPROTO_INET))
    }
}

extension SetElement {
    /// Adds one element, or the two that make an interval: its first key, and the key after its last.
    fileprivate func add(to set: OpaquePointer) throws(FirewallFault) {
        var notes = UserData()
        notes.add(NFTNL_UDATA_SET_ELEM_COMMENT.rawValue, comment: comment)
        if last != nil, endKey == nil {
            notes.add(NFTNL_UDATA_SET_ELEM_FLAGS.rawValue, UInt32(NFTNL_SET_ELEM_F_INTERVAL_OPEN.rawValue))
        }
        let first = try Self.make(key)
        if !notes.octets.isEmpty {
            _ = nftnl_set_elem_set(
                first, UInt16(NFTNL_SET_ELEM_USERDATA), notes.octets, UInt32(notes.octets.count))
        }
        if let timeout { nftnl_set_elem_set_u64(first, UInt16(NFTNL_SET_ELEM_TIMEOUT), timeout) }
        nftnl_set_elem_add(set, first)
        guard let endKey else { return }
        let end = try Self.make(endKey)
        nftnl_set_elem_set_u32(end, UInt16(NFTNL_SET_ELEM_FLAGS), UInt32(NFT_SET_ELEM_INTERVAL_END.rawValue))
        nftnl_set_elem_add(set, end)
    }

    private static func make(_ key: [UInt8]) throws(FirewallFault) -> OpaquePointer {
        guard let made = nftnl_set_elem_alloc() else { throw outOfMemory }
        _ = nftnl_set_elem_set(made, UInt16(NFTNL_SET_ELEM_KEY), key, UInt32(key.count))
        return made
    }
}

extension Operation {
    /// What it does, for the operator.
    var label: String {
        switch self {
        case .addTable(let table): "add table \(table.name)"
        case .deleteTable(let table): "delete table \(table.name)"
        case .addCounter(let name): "add counter \(name)"
        case .deleteCounter(let name): "delete counter \(name)"
        case .addSet(let set): "add set \(set.name)"
        case .deleteSet(let name): "delete set \(name)"
        case .addElements(let set, let elements): "add \(elements.count) elements to set \(set.name)"
        case .deleteElements(let set, let elements): "delete \(elements.count) elements of set \(set.name)"
        case .addChain(let name, _): "add chain \(name)"
        case .deleteChain(let name): "delete chain \(name)"
        case .flushChain(let name): "empty chain \(name)"
        case .appendRule(let chain, let rule):
            rule.comment.isEmpty ? "add a rule to chain \(chain)" : "add rule '\(rule.comment)' to chain \(chain)"
        }
    }
}
