/// A message on the helper's socket: four octets of length, then that many of a request or a reply.
public enum Frame {
    /// The version of the format, the first octet of every message.
    public static let version: UInt8 = 1
    /// The longest message: a rule set with some 200,000 IPv6 intervals.
    public static let longest = 16 << 20
    /// The octets of the length.
    public static let headerLength = 4

    /// The message with its length in front.
    public static func encode(_ value: some WireCodable) -> [UInt8] {
        let body = value.wire
        var writer = WireWriter()
        writer.write(UInt32(truncatingIfNeeded: body.count))
        return writer.octets + body
    }

    /// How long the message behind these four octets is; nil if that is more than any may be.
    public static func bodyLength(_ header: [UInt8]) -> Int? {
        var reader = WireReader(header[...])
        guard let length = try? reader.integer(UInt32.self), length <= longest else { return nil }
        return Int(length)
    }
}
