import Bytes
import SMTPWire
import Testing

@Suite struct ProxyHeaderTests {
    private let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private let v4Block: [UInt8] = [192, 0, 2, 1, 192, 0, 2, 2, 0, 123, 0x16, 0x2E]

    private func parsed(_ bytes: [UInt8]) -> ProxyHeader.Outcome { ProxyHeader.parse(bytes.span.bytes) }

    private func endpoint(_ address: String, _ port: UInt16) throws -> Endpoint {
        Endpoint(address: try #require(IPAddress(address)), port: port)
    }

    private func v2(_ command: UInt8, _ family: UInt8, _ payload: [UInt8]) -> [UInt8] {
        signature + [command, family, UInt8(payload.count >> 8), UInt8(payload.count & 255)] + payload
    }

    private func origin(_ bytes: [UInt8]) -> ProxyHeader.Origin? {
        guard case .header(let header, let length) = parsed(bytes), length == bytes.count else { return nil }
        return header.origin
    }

    private func fault(_ bytes: [UInt8]) -> ProxyHeader.Fault? {
        if case .invalid(let fault) = parsed(bytes) { fault } else { nil }
    }

    @Test(arguments: [
        ("PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n", "192.0.2.1", "192.0.2.2"),
        ("PROXY TCP6 2001:Db8::1 2001:Db8::2 123 5678\r\n", "2001:db8::1", "2001:db8::2"),
        ("PROXY TCP6 fc:00:00:00:1:2:3:4 ::1 123 5678\r\n", "fc::1:2:3:4", "::1"),
    ])
    func `a version 1 header is read`(line: String, source: String, destination: String) throws {
        let expected = ProxyHeader.Origin.client(
            source: try endpoint(source, 123), destination: try endpoint(destination, 5678))
        #expect(origin(octets(line)) == expected)
    }

    @Test func `version 1 UNKNOWN is read with and without more`() {
        #expect(origin(octets("PROXY UNKNOWN\r\n")) == .unknown)
        #expect(origin(octets("PROXY UNKNOWN 1 2 3 4 junk\r\n")) == .unknown)
    }

    @Test(arguments: [
        ("PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\n", ProxyHeader.Fault.lineEnd), ("PROXY TCP4 \0\r\n", .lineEnd),
        ("PROXY TCP4 192.0.2.1\r 192.0.2.2 123 5678\r\n", .lineEnd),
        ("PROXY TCP4 01.02.03.04 04.03.02.01 123 321\r\n", .address),
        ("PROXY TCP4 1.2.3.4 4.3.2.1 0123 321\r\n", .port), ("PROXY TCP4 1.2.3.4 4.3.2.1 123456 321\r\n", .port),
        ("PROXY TCP4 1.2.3.4 4.3.2.1 65536 321\r\n", .port), ("PROXY TCP4 1.2.3.4 4.3.2.1 +1 321\r\n", .port),
        ("PROXY TCP6 1.2.3.4 4.3.2.1 123 321\r\n", .address),
        ("PROXY TCP6 fc:00:00:00:1:2:3:4 4.3.2.1 123 321\r\n", .address),
        ("PROXY TCP4 ::1 ::1 123 321\r\n", .address), ("PROXY TCP4 1.2.3.4 4.3.2.1 123\r\n", .form),
        ("PROXY TCP4 1.2.3.4 4.3.2.1 123 321 \r\n", .form), ("PROXY TCP4  1.2.3.4 4.3.2.1 123 321\r\n", .form),
        ("PROXY TCP4 1.2.3.4 4.3.2.1 123 321 5\r\n", .form), ("PROXY BLAH\r\n", .family), ("PROXY \r\n", .family),
        ("PROXY tcp4 1.2.3.4 4.3.2.1 123 321\r\n", .family), ("PROXY TCP4 1.2.3.400 4.3.2.1 123 321\r\n", .address),
        ("PROXY TCP4 1.2.3.4 4.3.2.1 123 \r\n", .port),
    ])
    func `a wrong version 1 header says why`(line: String, expected: ProxyHeader.Fault) {
        #expect(fault(octets(line)) == expected)
    }

    @Test func `a version 1 line has at most 107 octets`() {
        let longest = "PROXY UNKNOWN " + String(repeating: "x", count: 91)
        #expect(origin(octets(longest + "\r\n")) == .unknown)
        #expect(fault(octets(longest + "x\r\n")) == .tooLong)
        #expect(fault(octets(longest + "xx")) == .tooLong)
        #expect(parsed(octets(longest)) == .incomplete)
    }

    @Test func `version 2 is read for both families`() throws {
        let v4 = ProxyHeader.Origin.client(
            source: try endpoint("192.0.2.1", 123), destination: try endpoint("192.0.2.2", 5678))
        #expect(origin(v2(0x21, 0x11, v4Block)) == v4)
        var from = [UInt8](repeating: 0, count: 16)
        from.replaceSubrange(0..<4, with: [0x20, 1, 0x0D, 0xB8])
        from[15] = 1
        var to = [UInt8](repeating: 0, count: 16)
        to[15] = 1
        let v6 = ProxyHeader.Origin.client(
            source: try endpoint("2001:db8::1", 256), destination: try endpoint("::1", 25))
        #expect(origin(v2(0x21, 0x21, from + to + [1, 0, 0, 25])) == v6)
        #expect(origin(v2(0x21, 0x11, v4Block + [0x02, 0, 5, 1, 2, 3, 4, 5, 0xEA, 0, 0])) == v4)
    }

    @Test func `version 2 LOCAL and other families have no client`() {
        #expect(origin(v2(0x20, 0x00, [])) == .local)
        #expect(origin(v2(0x20, 0x11, v4Block)) == .local)
        for family: UInt8 in [0x00, 0x01, 0x12, 0x22, 0x31, 0x32, 0x41] {
            #expect(origin(v2(0x21, family, [1, 2, 3, 4])) == .unknown)
        }
    }

    @Test func `a wrong version 2 header says why`() {
        #expect(fault(v2(0x31, 0x11, v4Block)) == .version)
        #expect(fault(v2(0x11, 0x11, v4Block)) == .version)
        #expect(fault(v2(0x22, 0x11, v4Block)) == .command)
        #expect(fault(v2(0x21, 0x11, Array(v4Block.prefix(8)))) == .length)
        #expect(fault(v2(0x21, 0x21, v4Block)) == .length)
        #expect(fault(signature + [0x21, 0x11, 0xFF, 0xFF] + v4Block) == .length)
        #expect(fault(v2(0x21, 0x11, v4Block + [0x02, 0, 4, 1, 2, 3, 4, 5])) == .tlv)
        #expect(fault(v2(0x21, 0x11, v4Block + [0x02, 0, 9, 1])) == .tlv)
        #expect(fault(v2(0x21, 0x11, v4Block + [0x02, 0])) == .tlv)
        #expect(fault(signature + [0x21, 0x11, 0, 20] + v4Block + [0x02, 0, 4, 1, 2, 3, 4]) == .tlv)
    }

    @Test func `a checksum is verified where it is`() {
        // CRC-32C of "123456789" is E3069283 (RFC 3720 B.4 uses the same polynomial).
        let plain = v2(0x21, 0x11, v4Block + [0x03, 0, 4, 0, 0, 0, 0])
        let sum = referenceCRC32C(plain)
        #expect(referenceCRC32C(octets("123456789")) == 0xE306_9283)
        let right = plain.dropLast(4) + (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) }
        #expect(origin(Array(right)) != nil)
        #expect(fault(plain) == .checksum)
        for index in [13 + 4, 20, 27] {
            var wrong = Array(right)
            wrong[index] ^= 1
            #expect(fault(wrong) == .checksum)
        }
        #expect(fault(v2(0x21, 0x11, v4Block + [0x03, 0, 3, 0, 0, 0])) == .checksum)
    }

    /// By table, as the other way to compute it.
    private func referenceCRC32C(_ bytes: [UInt8]) -> UInt32 {
        var table = [UInt32](repeating: 0, count: 256)
        for index in 0..<256 {
            var entry = UInt32(index)
            for _ in 0..<8 { entry = entry & 1 == 0 ? entry >> 1 : (entry >> 1) ^ 0x82F6_3B78 }
            table[index] = entry
        }
        var crc = ~UInt32(0)
        for byte in bytes { crc = table[Int((crc ^ UInt32(byte)) & 255)] ^ (crc >> 8) }
        return ~crc
    }

    @Test func `a header is incomplete at every cut and complete with what follows`() {
        let headers = [
            octets("PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n"), octets("PROXY UNKNOWN\r\n"), v2(0x20, 0, []),
            v2(0x21, 0x11, v4Block + [0x02, 0, 5, 1, 2, 3, 4, 5]),
        ]
        for header in headers {
            for cut in header.indices { #expect(parsed(Array(header[..<cut])) == .incomplete) }
            guard case .header(_, let length) = parsed(header + octets("EHLO x\r\n")) else {
                Issue.record("no header")
                continue
            }
            #expect(length == header.count)
        }
    }

    @Test(arguments: ["EHLO x\r\n", "PROXYTCP4", "proxy TCP4", "\r\n\r\nX", "\r\nNOOP", "X"])
    func `what is no header is told apart at its first wrong octet`(bytes: String) {
        #expect(parsed(octets(bytes)) == .notProxy)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "::1"), ("192.0.2.1", "2001:db8::2"), ("fe80::1", "10.0.0.1"),
    ])
    func `what we send reads back, in both versions`(source: String, destination: String) throws {
        let from = try endpoint(source, 65535)
        let to = try endpoint(destination, 0)
        let expected = ProxyHeader.Origin.client(source: from, destination: to)
        let v1 = written { ProxyHeader.encodeV1(source: from, destination: to, to: &$0) }
        let v2 = written { ProxyHeader.encodeV2(source: from, destination: to, to: &$0) }
        #expect(origin(v1) == expected)
        #expect(origin(v2) == expected)
        #expect(v1.count <= ProxyHeader.maxV1)
    }
}
