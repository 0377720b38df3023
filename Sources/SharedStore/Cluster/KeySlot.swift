/// Which of a Redis Cluster's 16384 slots a key lies on.
public struct KeySlot: Hashable, Sendable {
    public static let count = 16384

    public let number: UInt16

    init(number: UInt16) {
        self.number = number
    }

    /// CRC16 of the key, or of what stands between its first brace and the next closing one if that is not empty.
    public init(of key: [UInt8]) {
        var tag = key[...]
        if let open = key.firstIndex(of: UInt8(ascii: "{")) {
            let inside = key[(open + 1)...]
            if let close = inside.firstIndex(of: UInt8(ascii: "}")), close > inside.startIndex {
                tag = inside[..<close]
            }
        }
        number = Self.crc16(tag) & UInt16(Self.count - 1)
    }

    /// CRC-16/XMODEM: polynomial 0x1021, no reflection, from zero.
    private static func crc16(_ octets: ArraySlice<UInt8>) -> UInt16 {
        var crc: UInt16 = 0
        for octet in octets { crc = crc << 8 ^ table[Int(UInt8(crc >> 8) ^ octet)] }
        return crc
    }

    private static let table: [UInt16] = (0..<256).map { index in
        var crc = UInt16(index) << 8
        for _ in 0..<8 { crc = crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
        return crc
    }
}
