import Bytes
import CNetfilter
import Glibc
public import Reactor

/// The records of one NFLOG group, read on a loop.
///
/// A group has one reader on a machine; a second one gets EPERM (another ulogd, for instance).
public final class PacketLog: EventHandler {
    /// Octets of each packet that are copied: both headers with some options.
    private static let snapshot: UInt32 = 128
    private static let kernelBuffer = 4 << 20

    private var socket: NetlinkSocket
    private let received: (PacketRecord) -> Void
    private let loop: EventLoop
    private var registration: Registration?
    private var lastNumber: UInt32?

    /// Records that the kernel made and we never saw.
    public private(set) var lost: UInt64 = 0

    /// Binds `group` and gives each record to `received` on the loop's thread.
    public init(group: UInt16, on loop: EventLoop, _ received: @escaping (PacketRecord) -> Void) throws(FirewallFault) {
        self.received = received
        self.loop = loop
        do throws(Errno) {
            socket = try NetlinkSocket(bus: NETLINK_NETFILTER)
        } catch {
            throw FirewallFault(error)
        }
        socket.ignoreOverruns()
        socket.grow(sending: 0, receiving: Self.kernelBuffer)
        try configure(group)
        do throws(Errno) {
            try socket.makeNonblocking()
            registration = try loop.register(socket.rawValue, self)
        } catch {
            throw FirewallFault(error)
        }
    }

    /// Lets the group go; the loop would keep this reader otherwise.
    public func stop() {
        if let registration { loop.deregister(registration) }
        registration = nil
    }

    public func ready(_ readiness: Readiness, tag: UInt32) {
        var more = true
        while more {
            do throws(Errno) {
                more = try socket.receive(waiting: false) { take($0) }
            } catch {
                return
            }
        }
    }
}

// MARK: Settings

extension PacketLog {
    private func configure(_ group: UInt16) throws(FirewallFault) {
        let code = try socket.request { sequence in
            var request = Self.request(group, sequence)
            request.add(Int(NFULA_CFG_CMD.rawValue), UInt8(NFULNL_CFG_CMD_BIND.rawValue))
            return request
        }
        try Self.expect("bind log group \(group)", code)
        let second = try socket.request { sequence in
            var request = Self.request(group, sequence)
            // struct nfulnl_msg_config_mode: range (network order), mode, padding.
            let range = withUnsafeBytes(of: Self.snapshot.bigEndian) { Array($0) }
            request.add(Int(NFULA_CFG_MODE.rawValue), range + [UInt8(NFULNL_COPY_PACKET), 0])
            // Up to 32 records or a fifth of a second at once.
            request.add(Int(NFULA_CFG_QTHRESH.rawValue), UInt32(32).bigEndian)
            request.add(Int(NFULA_CFG_TIMEOUT.rawValue), UInt32(20).bigEndian)
            request.add(Int(NFULA_CFG_FLAGS.rawValue), UInt16(NFULNL_CFG_F_SEQ).bigEndian)
            return request
        }
        try Self.expect("set up log group \(group)", second)
    }

    private static func request(_ group: UInt16, _ sequence: UInt32) -> RequestBuffer {
        var header = nfgenmsg()
        header.nfgen_family = UInt8(AF_UNSPEC)
        header.version = UInt8(NFNETLINK_V0)
        header.res_id = group.bigEndian
        let type = reeve_nfnl_type(UInt8(NFNL_SUBSYS_ULOG), UInt8(NFULNL_MSG_CONFIG.rawValue))
        return RequestBuffer(type: type, flags: 0, sequence: sequence, header: header)
    }

    private static func expect(_ operation: String, _ code: Int32) throws(FirewallFault) {
        guard code != 0 else { return }
        let detail = code == EPERM || code == EBUSY ? "another program may be reading this group" : nil
        throw .refused(operation: operation, reason: Errno(code), detail: detail)
    }
}

// MARK: Records

extension PacketLog {
    private func take(_ message: NetlinkMessage) {
        guard message.subsystem == Int(NFNL_SUBSYS_ULOG), message.kind == Int(NFULNL_MSG_PACKET.rawValue),
            let record = PacketRecord(message)
        else { return }
        if let lastNumber { lost += UInt64(record.number &- lastNumber &- 1) }
        lastNumber = record.number
        received(record)
    }
}

extension PacketRecord {
    /// nil for a record without a packet.
    init?(_ message: NetlinkMessage) {
        var prefix = ""
        var hardware: [UInt8] = []
        var uid: UInt32?
        var (input, output, number) = (UInt32(0), UInt32(0), UInt32(0))
        var found: (IPAddress, IPAddress, ports: (UInt16, UInt16)?)?
        message.forEachAttribute(after: MemoryLayout<nfgenmsg>.size) { attribute in
            switch attribute.type {
            case Int(NFULA_PREFIX.rawValue): prefix = attribute.string
            case Int(NFULA_IFINDEX_INDEV.rawValue): input = UInt32(bigEndian: attribute.uint32)
            case Int(NFULA_IFINDEX_OUTDEV.rawValue): output = UInt32(bigEndian: attribute.uint32)
            case Int(NFULA_UID.rawValue): uid = UInt32(bigEndian: attribute.uint32)
            case Int(NFULA_SEQ.rawValue): number = UInt32(bigEndian: attribute.uint32)
            case Int(NFULA_HWADDR.rawValue): hardware = Self.hardwareAddress(attribute.bytes)
            case Int(NFULA_PAYLOAD.rawValue): found = Self.flow(of: attribute.bytes)
            default: break
            }
        }
        guard let found else { return nil }
        self.init(
            prefix: prefix, source: found.0, destination: found.1, sourcePort: found.ports?.0,
            destinationPort: found.ports?.1, input: input, output: output, hardware: hardware, uid: uid, number: number)
    }

    /// struct nfulnl_msg_packet_hw: a length in network order, two octets of padding, up to eight of address.
    private static func hardwareAddress(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        guard bytes.count >= 4 else { return [] }
        let length = min(Int(bytes[0]) << 8 | Int(bytes[1]), bytes.count - 4, 8)
        return Array(bytes[4..<(4 + length)])
    }
}
