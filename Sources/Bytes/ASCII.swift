/// The octets of RFC 5321 that the code names.
public enum ASCII {
    public static let nul: UInt8 = 0x00
    public static let tab: UInt8 = 0x09
    public static let lf: UInt8 = 0x0A
    public static let cr: UInt8 = 0x0D
    public static let space: UInt8 = 0x20
    public static let quote: UInt8 = 0x22
    public static let plus: UInt8 = 0x2B
    public static let comma: UInt8 = 0x2C
    public static let hyphen: UInt8 = 0x2D
    public static let dot: UInt8 = 0x2E
    public static let zero: UInt8 = 0x30
    public static let nine: UInt8 = 0x39
    public static let colon: UInt8 = 0x3A
    public static let less: UInt8 = 0x3C
    public static let equals: UInt8 = 0x3D
    public static let greater: UInt8 = 0x3E
    public static let at: UInt8 = 0x40
    public static let backslash: UInt8 = 0x5C
    public static let del: UInt8 = 0x7F

    /// `byte` in lower case if it is one of A to Z, else itself.
    @inlinable
    public static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    /// `byte` in upper case if it is one of a to z, else itself.
    @inlinable
    public static func uppercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x61 < 26 ? byte & 0xDF : byte
    }

    @inlinable
    public static func isUppercase(_ byte: UInt8) -> Bool {
        byte &- 0x41 < 26
    }

    @inlinable
    public static func isDigit(_ byte: UInt8) -> Bool {
        byte &- zero < 10
    }

    @inlinable
    public static func isLetter(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 0x61 < 26
    }
}
