import CNetfilter
import FirewallPlan
import Glibc
import Reactor
import Synchronization
import Testing

@testable import FirewallHelper

/// What the line to the kernel does when answers do not fit, changes do not fit, or lists change under it.
@Suite("Faults of the line", .enabled(if: Namespace.isAvailable, "needs root: no network namespace here"))
struct LinkFaultTests {
    private static func hosts(_ count: Int) -> [SetElement] {
        (0..<count).map { index in
            let bits = UInt32(0x0A00_0000) + 2 * UInt32(index)
            let key = withUnsafeBytes(of: bits.bigEndian) { Array($0) }
            return SetElement(key, through: key)
        }
    }

    @Test func `A change that does not fit the socket is told with its size and changes nothing`() throws {
        try Namespace.run {
            // As in a container, where the kernel grants no more than net.core.wmem_max.
            let link = try NetfilterLink(sendBuffer: 65_536, receiveBuffer: nil)
            let generation = try link.generation()
            #expect {
                _ = try link.apply(Samples.ruleset(mailHosts: Self.hosts(20_000)))
            } throws: { error in
                guard case .tooLarge(let octets)? = error as? FirewallFault else { return false }
                return octets > 65_536 && (error as? FirewallFault)?.description.contains("wmem_max") == true
            }
            #expect(try link.generation() == generation)
            #expect(try link.readTable() == nil)
            _ = try link.apply(Samples.ruleset(mailHosts: Self.hosts(100)))
        }
    }

    @Test func `Answers that are lost are looked up, and the change is whole`() throws {
        try Namespace.run {
            // Room for a few of the answers only: the kernel drops the rest and says ENOBUFS.
            let link = try NetfilterLink(sendBuffer: nil, receiveBuffer: 4608)
            var wanted = Samples.ruleset()
            wanted.counters += (0..<200).map { "counter\($0)" }
            #expect(try !link.apply(wanted).isEmpty)
            #expect(link.lostAnswers > 0)
            let plain = try NetfilterLink()
            #expect(try #require(try plain.readTable()).ruleset.counters.count == wanted.counters.count)
        }
    }

    @Test func `A list that changes while it is read is read again`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            _ = try link.apply(Samples.ruleset())
            let isOver = Atomic(false)
            // A thread shares its maker's namespace; the table's owner changes it, the other one reads.
            nonisolated(unsafe) let owner = link
            let writer = try NativeThread.start("writer") {
                while !isOver.load(ordering: .relaxed) {
                    try? owner.add([SetElement([10, 0, 0, 1], timeout: 60_000)], to: Samples.allowed4)
                }
            }
            let reader = try NetfilterLink()
            // Eight changes in a row are told as such.
            for _ in 0..<100 where reader.rereads == 0 { _ = try? reader.readTable() }
            isOver.store(true, ordering: .relaxed)
            writer.join()
            #expect(reader.rereads > 0)
            let rules = Samples.ruleset().chains.flatMap(\.rules).count
            #expect(try #require(try reader.readTable()).ruleset.chains.flatMap(\.rules).count == rules)
        }
    }

    @Test func `A subsystem that the kernel does not have is told as nf_tables that are missing`() throws {
        try Namespace.run {
            // No subsystem of nfnetlink has this number: what a kernel without nf_tables says to its questions.
            var socket = try NetlinkSocket(bus: NETLINK_NETFILTER)
            let code = try socket.request { sequence in
                RequestBuffer(type: reeve_nfnl_type(15, 0), flags: 0, sequence: sequence, header: nfgenmsg())
            }
            #expect(FirewallFault(answer: Errno(code)) == .noNFTables)
        }
    }
}
