public import Bytes

/// One packet that a rule logged, as far as its first octets tell.
public struct PacketRecord: Equatable, Sendable {
    /// The rule's `log prefix`, which says what happened to the packet.
    public var prefix: String
    public var source: IPAddress
    public var destination: IPAddress
    /// nil for a fragment that is not the first.
    public var sourcePort: UInt16?
    public var destinationPort: UInt16?
    /// Interface numbers of this namespace; 0 where there is none.
    public var input: UInt32
    public var output: UInt32
    /// The sender's hardware address, empty where the link has none.
    public var hardware: [UInt8]
    /// Who sent it, for a packet of this machine.
    public var uid: UInt32?
    /// The kernel's running number of the group: a gap means that records were lost.
    public var number: UInt32
}

extension PacketRecord {
    /// Addresses and ports of an IPv4 or IPv6 packet; nil for anything else or too few octets.
    ///
    /// Extension headers of IPv6 are walked, at most eight of them.
    static func flow(of packet: UnsafeRawBufferPointer) -> (IPAddress, IPAddress, ports: (UInt16, UInt16)?)? {
        switch packet.first.map({ $0 >> 4 }) {
        case 4: v4(packet)
        case 6: v6(packet)
        default: nil
        }
    }

    private static func v4(_ packet: UnsafeRawBufferPointer) -> (IPAddress, IPAddress, ports: (UInt16, UInt16)?)? {
        guard packet.count >= 20 else { return nil }
        let length = Int(packet[0] & 15) * 4
        let offset = UInt16(packet[6] & 0x1F) << 8 | UInt16(packet[7])
        let source = IPAddress(v4: UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: 12, as: UInt32.self)))
        let target = IPAddress(v4: UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: 16, as: UInt32.self)))
        return (source, target, offset == 0 ? ports(packet, at: length) : nil)
    }

    private static func v6(_ packet: UnsafeRawBufferPointer) -> (IPAddress, IPAddress, ports: (UInt16, UInt16)?)? {
        guard packet.count >= 40 else { return nil }
        func address(_ at: Int) -> IPAddress {
            IPAddress(
                high: UInt64(bigEndian: packet.loadUnaligned(fromByteOffset: at, as: UInt64.self)),
                low: UInt64(bigEndian: packet.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self)))
        }
        return (address(8), address(24), ports(packet, at: transport(packet)))
    }

    /// Where TCP begins; past the end when it is not there.
    private static func transport(_ packet: UnsafeRawBufferPointer) -> Int {
        var next = packet[6]
        var at = 40
        for _ in 0..<8 {
            switch next {
            case 0, 43, 60:  // hop-by-hop, routing, destination options (RFC 8200 §4)
                guard at + 2 <= packet.count else { return packet.count }
                next = packet[at]
                at += (Int(packet[at + 1]) + 1) * 8
            case 6: return at
            default: return packet.count
            }
        }
        return packet.count
    }

    private static func ports(_ packet: UnsafeRawBufferPointer, at offset: Int) -> (UInt16, UInt16)? {
        guard offset + 4 <= packet.count else { return nil }
        return (
            UInt16(packet[offset]) << 8 | UInt16(packet[offset + 1]),
            UInt16(packet[offset + 2]) << 8 | UInt16(packet[offset + 3])
        )
    }
}
