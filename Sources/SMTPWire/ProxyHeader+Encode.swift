// What we send to a backend that takes the PROXY protocol, before anything else on the connection.

public import Bytes

extension ProxyHeader {
    /// `PROXY TCP4 …` or `PROXY TCP6 …`; when only one address is IPv6, the other is written as v4-mapped.
    public static func encodeV1(source: Endpoint, destination: Endpoint, to output: inout OutputBuffer) {
        let isV6 = !source.address.isV4 || !destination.address.isV4
        output.append(isV6 ? "PROXY TCP6 " : "PROXY TCP4 ")
        append(source.address, isV6: isV6, to: &output)
        output.append(ASCII.space)
        append(destination.address, isV6: isV6, to: &output)
        output.append(ASCII.space)
        output.append(decimal: UInt64(source.port))
        output.append(ASCII.space)
        output.append(decimal: UInt64(destination.port))
        output.append("\r\n")
    }

    /// 28 octets for IPv4, 52 for IPv6, no TLVs.
    public static func encodeV2(source: Endpoint, destination: Endpoint, to output: inout OutputBuffer) {
        let isV6 = !source.address.isV4 || !destination.address.isV4
        output.append(signature)
        output.append([0x21, isV6 ? 0x21 : 0x11, 0x00, isV6 ? 36 : 12])
        for address in [source.address, destination.address] {
            output.append(isV6 ? octets(address.high) + octets(address.low) : octets(address.v4Bits))
        }
        for port in [source.port, destination.port] { output.append(octets(port)) }
    }

    private static func append(_ address: IPAddress, isV6: Bool, to output: inout OutputBuffer) {
        if isV6, address.isV4 { output.append("::ffff:") }
        output.append(Array("\(address)".utf8))
    }

    /// Big-endian.
    private static func octets<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        (0..<(Number.bitWidth / 8)).reversed().map { UInt8(truncatingIfNeeded: number >> Number($0 * 8)) }
    }
}
