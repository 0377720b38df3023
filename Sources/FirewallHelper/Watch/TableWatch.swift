import CNetfilter
import Glibc
public import Reactor

/// Who changed the tables of this namespace, as the kernel names him.
public struct Culprit: Equatable, Sendable, CustomStringConvertible {
    public var pid: UInt32
    public var program: String

    public var description: String { "process \(pid) (\(program))" }
}

/// Hears of every change of tables and tells those that others made to one table.
///
/// The kernel reports each object of a transaction and closes it with the new generation, which names the process.
/// Only messages that name our table count, so a host full of containers costs a glance at each.
public final class TableWatch: EventHandler {
    private static let kernelBuffer = 4 << 20

    private var socket: NetlinkSocket
    private let table: String
    /// The netlink address of our own changes.
    private let ourPort: UInt32
    private let changed: (Culprit?) -> Void
    private var isTouched = false

    /// Calls `changed` on the loop's thread after others changed `table`, or after reports were lost (then with nil).
    public init(
        table: String, ourPort: UInt32, on loop: EventLoop, _ changed: @escaping (Culprit?) -> Void
    ) throws(FirewallFault) {
        (self.table, self.ourPort, self.changed) = (table, ourPort, changed)
        do throws(Errno) {
            socket = try NetlinkSocket(bus: NETLINK_NETFILTER)
            socket.grow(sending: 0, receiving: Self.kernelBuffer)
            try socket.join(UInt32(NFNLGRP_NFTABLES.rawValue))
            try socket.makeNonblocking()
            _ = try loop.register(socket.rawValue, self)
        } catch {
            throw FirewallFault(error)
        }
    }

    public func ready(_ readiness: Readiness, tag: UInt32) {
        var more = true
        while more {
            do throws(Errno) {
                more = try socket.receive(waiting: false) { look(at: $0) }
            } catch {
                guard error.code == ENOBUFS else { return }
                isTouched = false
                changed(nil)
            }
        }
    }

    private func look(at message: NetlinkMessage) {
        guard message.subsystem == Int(NFNL_SUBSYS_NFTABLES), message.header.pointee.nlmsg_pid != ourPort else {
            return
        }
        guard message.kind == Int(NFT_MSG_NEWGEN.rawValue) else {
            // Attribute 1 is the name of the table in every kind of object.
            message.forEachAttribute(after: MemoryLayout<nfgenmsg>.size) { attribute in
                if attribute.type == 1, attribute.string == table { isTouched = true }
            }
            return
        }
        guard isTouched else { return }
        isTouched = false
        changed(culprit(in: message))
    }

    private func culprit(in message: NetlinkMessage) -> Culprit {
        var culprit = Culprit(pid: 0, program: "")
        message.forEachAttribute(after: MemoryLayout<nfgenmsg>.size) { attribute in
            switch attribute.type {
            case Int(NFTA_GEN_PROC_PID.rawValue): culprit.pid = UInt32(bigEndian: attribute.uint32)
            case Int(NFTA_GEN_PROC_NAME.rawValue): culprit.program = attribute.string
            default: break
            }
        }
        return culprit
    }
}
