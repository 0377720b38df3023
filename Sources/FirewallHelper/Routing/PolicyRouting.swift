import CNetfilter
import Glibc
import Reactor

/// The routing rules that hand marked packets to this machine (TPROXY), for IPv4 and IPv6.
///
///     99:  iif lo fwmark MARK/MASK lookup main     what this machine itself sends never follows the mark
///     100: fwmark MARK/MASK lookup TABLE           what comes in marked is delivered here
///          local default dev lo table TABLE
///
/// Every rule and route carries our protocol number: setting them twice changes nothing, and only ours are removed.
public struct PolicyRouting: Equatable, Sendable {
    public var mark: UInt32
    public var mask: UInt32
    public var table: UInt32
    public var guardPreference: UInt32
    public var preference: UInt32

    /// Marks our rules and routes (`proto 125` in `ip rule`); no routing daemon uses it.
    static let owner: UInt8 = 125

    public init(mark: UInt32, mask: UInt32, table: UInt32, guardPreference: UInt32, preference: UInt32) {
        (self.mark, self.mask, self.table) = (mark, mask, table)
        (self.guardPreference, self.preference) = (guardPreference, preference)
    }
}

extension PolicyRouting {
    /// Puts the rules and routes in place; what is there already stays.
    public func install() throws(FirewallFault) {
        var socket = try Self.open()
        for family in Self.families {
            try expect("add the local route", try change(&socket, RTM_NEWROUTE, Self.create, family, route), EEXIST)
            try expect("add the guard rule", try change(&socket, RTM_NEWRULE, Self.create, family, guardRule), EEXIST)
            try expect("add the routing rule", try change(&socket, RTM_NEWRULE, Self.create, family, markRule), EEXIST)
        }
    }

    /// Removes what `install` made and nothing else.
    public func remove() throws(FirewallFault) {
        var socket = try Self.open()
        for family in Self.families {
            try expect("delete the routing rule", try change(&socket, RTM_DELRULE, 0, family, markRule), ENOENT)
            try expect("delete the guard rule", try change(&socket, RTM_DELRULE, 0, family, guardRule), ENOENT)
            try expect("delete the local route", try change(&socket, RTM_DELROUTE, 0, family, route), ESRCH)
        }
    }

    private static let families = [AF_INET, AF_INET6]
    private static let create = NLM_F_CREATE | NLM_F_EXCL

    private static func open() throws(FirewallFault) -> NetlinkSocket {
        do throws(Errno) {
            return try NetlinkSocket(bus: NETLINK_ROUTE)
        } catch {
            throw FirewallFault(error)
        }
    }

    private func change(
        _ socket: inout NetlinkSocket, _ type: Int, _ flags: Int32, _ family: Int32,
        _ make: (UInt16, Int32, UInt32, UInt8) -> RequestBuffer
    ) throws(FirewallFault) -> Int32 {
        try socket.request { make(UInt16(truncatingIfNeeded: type), flags, $0, UInt8(truncatingIfNeeded: family)) }
    }

    /// A machine without IPv6 has nothing to route there.
    private func expect(_ operation: String, _ code: Int32, _ harmless: Int32) throws(FirewallFault) {
        switch code {
        case 0, harmless, EAFNOSUPPORT: return
        case EPERM: throw .notPermitted
        default: throw .refused(operation: operation, reason: Errno(code), detail: nil)
        }
    }
}

// MARK: The requests

extension PolicyRouting {
    private func guardRule(_ type: UInt16, _ flags: Int32, _ sequence: UInt32, _ family: UInt8) -> RequestBuffer {
        var request = rule(type, flags, sequence, family, guardPreference, UInt32(RT_TABLE_MAIN.rawValue))
        request.add(Int(FRA_IIFNAME), "lo")
        return request
    }

    private func markRule(_ type: UInt16, _ flags: Int32, _ sequence: UInt32, _ family: UInt8) -> RequestBuffer {
        rule(type, flags, sequence, family, preference, table)
    }

    private func rule(
        _ type: UInt16, _ flags: Int32, _ sequence: UInt32, _ family: UInt8, _ preference: UInt32, _ table: UInt32
    ) -> RequestBuffer {
        var header = fib_rule_hdr()
        header.family = family
        header.action = UInt8(FR_ACT_TO_TBL)
        var request = RequestBuffer(type: type, flags: flags, sequence: sequence, header: header)
        request.add(Int(FRA_PRIORITY), preference)
        request.add(Int(FRA_FWMARK), mark)
        request.add(Int(FRA_FWMASK), mask)
        request.add(Int(FRA_TABLE), table)
        request.add(Int(FRA_PROTOCOL), Self.owner)
        return request
    }

    private func route(_ type: UInt16, _ flags: Int32, _ sequence: UInt32, _ family: UInt8) -> RequestBuffer {
        var header = rtmsg()
        header.rtm_family = family
        header.rtm_type = UInt8(RTN_LOCAL)
        header.rtm_scope = UInt8(RT_SCOPE_HOST.rawValue)
        header.rtm_protocol = Self.owner
        var request = RequestBuffer(type: type, flags: flags, sequence: sequence, header: header)
        request.add(Int(RTA_TABLE.rawValue), table)
        request.add(Int(RTA_OIF.rawValue), if_nametoindex("lo"))
        return request
    }
}
