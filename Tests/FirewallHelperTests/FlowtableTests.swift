import CNetfilter
import FirewallPlan
import Testing

@testable import FirewallHelper

/// Kernels without flowtables list none, so a message is written here as such a kernel writes it.
@Suite struct FlowtableTests {
    private static func message(family: UInt16, _ build: (OpaquePointer) -> Void) throws -> [UInt8] {
        let table = try #require(nftnl_flowtable_alloc())
        defer { nftnl_flowtable_free(table) }
        build(table)
        var octets = [UInt8](repeating: 0, count: 4096)
        try octets.withUnsafeMutableBytes { room in
            let start = try #require(room.baseAddress?.assumingMemoryBound(to: CChar.self))
            let header = try #require(nftnl_nlmsg_build_hdr(start, UInt16(NFT_MSG_NEWFLOWTABLE.rawValue), family, 0, 1))
            nftnl_flowtable_nlmsg_build_payload(header, table)
        }
        return octets
    }

    private static func flowtable(family: Int) throws -> Machine.Flowtable? {
        let octets = try message(family: UInt16(family)) { table in
            _ = nftnl_flowtable_set_str(table, UInt16(NFTNL_FLOWTABLE_TABLE.rawValue), "fw4")
            _ = nftnl_flowtable_set_str(table, UInt16(NFTNL_FLOWTABLE_NAME.rawValue), "ft")
            nftnl_flowtable_set_u32(table, UInt16(NFTNL_FLOWTABLE_HOOKNUM.rawValue), 0)
            nftnl_flowtable_set_s32(table, UInt16(NFTNL_FLOWTABLE_PRIO.rawValue), 0)
            "lan0".withCString { lan in
                "wan0".withCString { wan in
                    var devices: [UnsafePointer<CChar>?] = [lan, wan, nil]
                    _ = nftnl_flowtable_set_array(table, UInt16(NFTNL_FLOWTABLE_DEVICES.rawValue), &devices)
                }
            }
        }
        return try octets.withUnsafeBytes { room in
            let header = try #require(room.baseAddress?.assumingMemoryBound(to: nlmsghdr.self))
            return Machine.Flowtable(NetlinkMessage(header: header))
        }
    }

    @Test func `A flowtable is read with its table and its devices`() throws {
        let expected = Machine.Flowtable(table: "inet fw4", name: "ft", devices: ["lan0", "wan0"])
        #expect(try Self.flowtable(family: Int(NFPROTO_INET)) == expected)
    }

    @Test func `A flowtable of bridges is none of ours`() throws {
        #expect(try Self.flowtable(family: Int(NFPROTO_BRIDGE)) == nil)
    }
}
