import CNetfilter
import FirewallPlan

/// One element as netlink has it: an interval is two of them.
struct ReadElement {
    var element: SetElement
    /// The key after an interval's last.
    var isEnd: Bool

    init(_ read: OpaquePointer) {
        func has(_ attribute: Int) -> Bool { nftnl_set_elem_is_set(read, UInt16(attribute)) }
        func milliseconds(_ attribute: Int) -> UInt64? {
            has(attribute) ? nftnl_set_elem_get_u64(read, UInt16(attribute)) : nil
        }
        element = SetElement(
            Self.octets(read, NFTNL_SET_ELEM_KEY), timeout: milliseconds(NFTNL_SET_ELEM_TIMEOUT),
            expiration: milliseconds(NFTNL_SET_ELEM_EXPIRATION))
        var count: UInt32 = 0
        if let notes = nftnl_set_elem_get(read, UInt16(NFTNL_SET_ELEM_USERDATA), &count) {
            let octets = UnsafeRawBufferPointer(start: notes, count: Int(count))
            element.comment = UserData.comment(NFTNL_UDATA_SET_ELEM_COMMENT.rawValue, in: octets)
        }
        let statements = Collected.from { nftnl_set_elem_expr_foreach(read, Collected.add, $0) }
        for statement in statements.map(LibraryExpression.init(reading:)) where statement.name == "counter" {
            element.count = SetElement.Count(
                packets: statement.uint64(NFTNL_EXPR_CTR_PACKETS), bytes: statement.uint64(NFTNL_EXPR_CTR_BYTES))
        }
        let flags = has(NFTNL_SET_ELEM_FLAGS) ? nftnl_set_elem_get_u32(read, UInt16(NFTNL_SET_ELEM_FLAGS)) : 0
        isEnd = flags & UInt32(NFT_SET_ELEM_INTERVAL_END.rawValue) != 0
    }

    private static func octets(_ read: OpaquePointer, _ attribute: Int) -> [UInt8] {
        var count: UInt32 = 0
        guard let start = nftnl_set_elem_get(read, UInt16(attribute), &count) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(count)))
    }

    /// The elements of a set in ascending order; in a set of intervals each start finds its end.
    static func joined(_ read: [ReadElement], isInterval: Bool) -> [SetElement] {
        // Where one interval ends and the next begins, the end comes first.
        let sorted = read.sorted {
            $0.element.key == $1.element.key
                ? $0.isEnd && !$1.isEnd : $0.element.key.lexicographicallyPrecedes($1.element.key)
        }
        guard isInterval else { return sorted.map(\.element) }
        var intervals: [SetElement] = []
        var open: SetElement?
        for item in sorted {
            if item.isEnd {
                if var start = open { intervals.append(start.ending(before: item.element.key)) }
                open = nil
            } else {
                if let start = open { intervals.append(start) }
                open = item.element
            }
        }
        // Up to the last key of all there is no end.
        if var start = open {
            start.last = start.key.map { _ in 255 }
            intervals.append(start)
        }
        return intervals
    }
}

extension SetElement {
    fileprivate mutating func ending(before end: [UInt8]) -> SetElement {
        last = SetElement.lastKey(before: end)
        return self
    }
}
