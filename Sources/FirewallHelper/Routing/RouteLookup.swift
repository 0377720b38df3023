import Bytes
import CNetfilter
import Glibc
import Reactor

/// Where the kernel would send a packet, as `ip route get` tells it.
struct RouteLookup {
    /// The address is this machine's own.
    var isLocal = false
    /// Nil if there is no way.
    var interface: String?

    static func route(to address: IPAddress) throws(FirewallFault) -> RouteLookup {
        var found = RouteLookup()
        do throws(Errno) {
            var socket = try NetlinkSocket(bus: NETLINK_ROUTE)
            let sequence = socket.nextSequence()
            try socket.send(request(address, sequence).octets)
            var isComplete = false
            while !isComplete {
                _ = try socket.receive(waiting: true) { message in
                    if message.isError { isComplete = true }
                    if message.type == UInt16(RTM_NEWROUTE) { found.read(message) }
                }
            }
        } catch {
            throw FirewallFault(error)
        }
        return found
    }

    private static func request(_ address: IPAddress, _ sequence: UInt32) -> RequestBuffer {
        var header = rtmsg()
        header.rtm_family = UInt8(address.isV4 ? AF_INET : AF_INET6)
        header.rtm_dst_len = address.isV4 ? 32 : 128
        var request = RequestBuffer(type: UInt16(RTM_GETROUTE), flags: 0, sequence: sequence, header: header)
        request.add(Int(RTA_DST.rawValue), AddressPrefix(address, bits: 128).key)
        return request
    }

    private mutating func read(_ message: NetlinkMessage) {
        guard let payload = mnl_nlmsg_get_payload(message.header),
            Int(message.header.pointee.nlmsg_len) >= MemoryLayout<nlmsghdr>.size + MemoryLayout<rtmsg>.size
        else { return }
        isLocal = payload.loadUnaligned(as: rtmsg.self).rtm_type == UInt8(RTN_LOCAL)
        message.forEachAttribute(after: MemoryLayout<rtmsg>.size) { attribute in
            if attribute.type == Int(RTA_OIF.rawValue) { interface = Interfaces.name(attribute.uint32) }
        }
    }
}

/// The names of interfaces by their numbers.
enum Interfaces {
    /// Nil for a number that no interface has (any more).
    static func name(_ index: UInt32) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) { room in
            guard index != 0, let start = room.baseAddress, if_indextoname(index, start) != nil else { return nil }
            return String(cString: start)
        }
    }
}
