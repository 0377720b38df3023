import CNetfilter
import FirewallPlan
import Glibc
import Reactor

// The routing rules and routes that are there already, ours and others'.
extension PolicyRouting {
    /// `ip rule`, of both families.
    static func rules() throws(FirewallFault) -> [Machine.RoutingRule] {
        var rules: [Machine.RoutingRule] = []
        for family in Family.allCases {
            var header = fib_rule_hdr()
            header.family = family == .ipv4 ? UInt8(AF_INET) : UInt8(AF_INET6)
            try list(UInt16(RTM_GETRULE), header, finding: UInt16(RTM_NEWRULE)) { message in
                rules.append(Machine.RoutingRule(message, family))
            }
        }
        return rules
    }

    /// Whether a routing table holds a route that is not ours.
    static func isUsed(table: UInt32) throws(FirewallFault) -> Bool {
        var isUsed = false
        for family in [AF_INET, AF_INET6] {
            var header = rtmsg()
            header.rtm_family = UInt8(family)
            let number = [Attribute(type: Int(RTA_TABLE.rawValue), value: table)]
            try list(UInt16(RTM_GETROUTE), header, number, finding: UInt16(RTM_NEWROUTE)) { message in
                guard let payload = mnl_nlmsg_get_payload(message.header) else { return }
                let route = payload.loadUnaligned(as: rtmsg.self)
                var found = UInt32(route.rtm_table)
                message.forEachAttribute(after: MemoryLayout<rtmsg>.size) { attribute in
                    if attribute.type == Int(RTA_TABLE.rawValue) { found = attribute.uint32 }
                }
                if found == table, route.rtm_protocol != owner { isUsed = true }
            }
        }
        return isUsed
    }

    private struct Attribute {
        let type: Int
        let value: UInt32
    }

    private static func list<Header>(
        _ type: UInt16, _ header: Header, _ attributes: [Attribute] = [], finding answer: UInt16,
        _ each: (NetlinkMessage) -> Void
    ) throws(FirewallFault) {
        do throws(Errno) {
            var socket = try NetlinkSocket(bus: NETLINK_ROUTE)
            // The kernel then leaves out other tables itself; a full table of the internet's routes is long.
            socket.filterStrictly()
            let sequence = socket.nextSequence()
            var request = RequestBuffer(type: type, flags: NLM_F_DUMP, sequence: sequence, header: header)
            for attribute in attributes { request.add(attribute.type, attribute.value) }
            try socket.send(request.octets)
            var isComplete = false
            while !isComplete {
                _ = try socket.receive(waiting: true) { message in
                    // A table that does not exist is an error in the strict form, and holds nothing.
                    if message.isDone || message.isError { isComplete = true }
                    if message.type == answer { each(message) }
                }
            }
        } catch {
            throw FirewallFault(error)
        }
    }
}

extension Machine.RoutingRule {
    fileprivate init(_ message: NetlinkMessage, _ family: Family) {
        var (preference, table, origin): (UInt32, UInt32, UInt8) = (0, 0, 0)
        var (mark, mask): (UInt32?, UInt32) = (nil, ~0)
        if let payload = mnl_nlmsg_get_payload(message.header) {
            table = UInt32(payload.loadUnaligned(as: fib_rule_hdr.self).table)
        }
        message.forEachAttribute(after: MemoryLayout<fib_rule_hdr>.size) { attribute in
            switch attribute.type {
            case Int(FRA_PRIORITY): preference = attribute.uint32
            case Int(FRA_TABLE): table = attribute.uint32
            case Int(FRA_FWMARK): mark = attribute.uint32
            case Int(FRA_FWMASK): mask = attribute.uint32
            case Int(FRA_PROTOCOL): origin = attribute.bytes.first ?? 0
            default: break
            }
        }
        self.init(
            family: family, preference: preference, table: table, mark: mark.map { MarkTest($0, mask: mask) },
            isOurs: origin == PolicyRouting.owner)
    }
}
