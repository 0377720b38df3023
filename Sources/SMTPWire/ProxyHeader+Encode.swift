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
        output.append(bigEndian: UInt32(0x2100_0000) | (isV6 ? 0x21_0024 : 0x11_000C))
        append(source.address, to: &output, isV6: isV6)
        append(destination.address, to: &output, isV6: isV6)
        output.append(bigEndian: source.port)
        output.append(bigEndian: destination.port)
    }

    private static func append(_ address: IPAddress, to output: inout OutputBuffer, isV6: Bool) {
        if isV6 {
            output.append(bigEndian: address.high)
            output.append(bigEndian: address.low)
        } else {
            output.append(bigEndian: address.v4Bits)
        }
    }

    private static func append(_ address: IPAddress, isV6: Bool, to output: inout OutputBuffer) {
        if isV6, address.isV4 { output.append("::ffff:") }
        output.append(text: address.description)
    }
}
