// PROXY version 2: 16 octets, then as many as they announce; addresses first, then TLVs that must fill the rest exactly.

import Bytes

extension ProxyHeader {
    private static let fixed = 16
    private static let crc32c: UInt8 = 0x03

    static func parseV2(_ bytes: RawSpan) throws(Fault) -> (header: ProxyHeader, length: Int)? {
        guard let versionAndCommand = bytes.peek(12) else { return nil }
        guard versionAndCommand >> 4 == 2 else { throw .version }
        guard versionAndCommand & 15 <= 1 else { throw .command }
        guard bytes.byteCount >= fixed else { return nil }
        let payload = Int(bytes.octet(14)) << 8 | Int(bytes.octet(15))
        guard payload <= maxV2Payload else { throw .length }
        let length = fixed + payload
        let isLocal = versionAndCommand & 15 == 0
        let addresses = isLocal ? nil : addressOctets(bytes.octet(13))
        if let addresses {
            guard payload >= addresses else { throw .length }
            try checkTLVs(bytes, from: fixed + addresses, to: length)
        }
        guard bytes.byteCount >= length else { return nil }
        let head = bytes.extracting(0..<length)
        guard let addresses else { return (ProxyHeader(origin: isLocal ? .local : .unknown, version: 2), length) }
        try checkChecksum(head, from: fixed + addresses)
        return (ProxyHeader(origin: origin(head, isV6: addresses == 36), version: 2), length)
    }

    /// nil for what is not TCP over IP: its address is skipped and nobody relies on it.
    private static func addressOctets(_ familyAndTransport: UInt8) -> Int? {
        switch familyAndTransport {
        case 0x11: 12
        case 0x21: 36
        default: nil
        }
    }

    private static func origin(_ head: RawSpan, isV6: Bool) -> Origin {
        let size = isV6 ? 16 : 4
        func address(_ offset: Int) -> IPAddress {
            if !isV6 { return IPAddress(v4: UInt32(truncatingIfNeeded: number(head, offset, 4))) }
            return IPAddress(high: number(head, offset, 8), low: number(head, offset + 8, 8))
        }
        func port(_ offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: number(head, offset, 2)) }
        let ports = fixed + 2 * size
        return .client(
            source: Endpoint(address: address(fixed), port: port(ports)),
            destination: Endpoint(address: address(fixed + size), port: port(ports + 2)))
    }

    /// Big-endian.
    private static func number(_ bytes: RawSpan, _ offset: Int, _ count: Int) -> UInt64 {
        (offset..<(offset + count)).reduce(0) { $0 << 8 | UInt64(bytes.octet($1)) }
    }

    /// Walks as far as the octets are there, so that a header that can't become valid is refused at once.
    private static func checkTLVs(_ bytes: RawSpan, from start: Int, to end: Int) throws(Fault) {
        var offset = start
        while offset < end {
            guard end - offset >= 3 else { throw .tlv }
            guard let high = bytes.peek(offset + 1), let low = bytes.peek(offset + 2) else { return }
            let next = offset + 3 + (Int(high) << 8 | Int(low))
            guard next <= end else { throw .tlv }
            offset = next
        }
    }

    /// Verifies the checksum if there is one; it covers the header with its own four octets zero.
    private static func checkChecksum(_ head: RawSpan, from start: Int) throws(Fault) {
        var found: Int?
        var offset = start
        while offset + 3 <= head.byteCount {
            let size = Int(number(head, offset + 1, 2))
            if head.octet(offset) == crc32c {
                guard size == 4, found == nil else { throw .checksum }
                found = offset + 3
            }
            offset += 3 + size
        }
        guard let found else { return }
        var octets = head.copy()
        for place in found..<(found + 4) { octets[place] = 0 }
        guard number(head, found, 4) == UInt64(CRC32C.checksum(octets)) else { throw .checksum }
    }
}

/// The Castagnoli checksum, reflected (RFC 3385).
enum CRC32C {
    static func checksum(_ octets: [UInt8]) -> UInt32 {
        var crc: UInt32 = ~0
        for octet in octets {
            crc ^= UInt32(octet)
            for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
        }
        return ~crc
    }
}
