/// An IP address in one form: v4-mapped IPv6 addresses are IPv4 from the moment they are parsed.
///
/// Stored as 128 bits, IPv4 as `::ffff:a.b.c.d`, so that comparison and prefix tests need no case analysis.
public struct IPAddress: Hashable, Sendable {
    /// The upper 64 bits of the 128-bit form, in host order.
    public let high: UInt64
    /// The lower 64 bits of the 128-bit form, in host order.
    public let low: UInt64

    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// An IPv4 address from its 32 bits in host order.
    @inlinable
    public init(v4 bits: UInt32) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(bits))
    }

    @inlinable public var isV4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// The 32 bits of an IPv4 address in host order; meaningless for IPv6.
    @inlinable public var v4Bits: UInt32 { UInt32(truncatingIfNeeded: low) }

    /// 0.0.0.0 or ::, which stand for every address of the machine.
    public var isUnspecified: Bool { isV4 ? v4Bits == 0 : high == 0 && low == 0 }

    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool { isV4 ? v4Bits >> 24 == 127 : high == 0 && low == 1 }

    /// The address with all but its first `bits` bits cleared (`bits` counts in the address's own family).
    public func masked(to bits: Int) -> IPAddress {
        let kept = isV4 ? bits + 96 : bits
        func mask(_ n: Int) -> UInt64 { n <= 0 ? 0 : n >= 64 ? ~0 : ~(~0 >> UInt64(n)) }
        return IPAddress(high: high & mask(kept), low: low & mask(kept - 64))
    }
}

// MARK: Text

extension IPAddress {
    /// Parses dotted-decimal IPv4 without leading zeros or an RFC 4291 IPv6 text; nil for anything else.
    public init?(_ text: some Sequence<UInt8>) {
        let bytes = Array(text)
        guard bytes.count <= 45 else { return nil }
        if let v4 = Self.parseV4(bytes[...]) {
            self.init(v4: v4)
        } else if let (high, low) = Self.parseV6(bytes[...]) {
            self.init(high: high, low: low)
        } else {
            return nil
        }
    }

    public init?(_ text: String) {
        self.init(text.utf8)
    }

    static func parseV4(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: ASCII.dot, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard let octet = decimalOctet(part) else { return nil }
            bits = bits << 8 | octet
        }
        return bits
    }

    private static func decimalOctet(_ digits: ArraySlice<UInt8>) -> UInt32? {
        guard (1...3).contains(digits.count), digits.allSatisfy(ASCII.isDigit) else { return nil }
        guard digits.count == 1 || digits.first != ASCII.zero else { return nil }
        let value = digits.reduce(UInt32(0)) { $0 * 10 + UInt32($1 - ASCII.zero) }
        return value < 256 ? value : nil
    }

    /// Groups before and after a `::`, each side at most eight, together eight (or fewer with the `::`).
    private static func parseV6(_ text: ArraySlice<UInt8>) -> (UInt64, UInt64)? {
        var left: [UInt16] = []
        var right: [UInt16] = []
        if let gap = doubleColon(in: text) {
            guard doubleColon(in: text[(gap + 1)...]) == nil,
                let before = groups(text[text.startIndex..<gap]), let after = groups(text[(gap + 2)...]),
                before.count + after.count < 8
            else { return nil }
            (left, right) = (before, after)
        } else {
            guard let all = groups(text), all.count == 8 else { return nil }
            left = all
        }
        let full = left + repeatElement(0, count: 8 - left.count - right.count) + right
        let high = full[0..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        return (high, full[4..<8].reduce(UInt64(0)) { $0 << 16 | UInt64($1) })
    }

    private static func doubleColon(in text: ArraySlice<UInt8>) -> Int? {
        text.indices.first { $0 + 1 < text.endIndex && text[$0] == ASCII.colon && text[$0 + 1] == ASCII.colon }
    }

    private static func groups(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        if text.isEmpty { return [] }
        var result: [UInt16] = []
        let parts = text.split(separator: ASCII.colon, omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, part.contains(ASCII.dot) {
                guard let v4 = parseV4(part) else { return nil }
                result += [UInt16(v4 >> 16), UInt16(v4 & 0xFFFF)]
            } else {
                guard (1...4).contains(part.count), let group = hexGroup(part) else { return nil }
                result.append(group)
            }
        }
        return result
    }

    private static func hexGroup(_ digits: ArraySlice<UInt8>) -> UInt16? {
        var value: UInt16 = 0
        for digit in digits {
            guard let nibble = hexDigit(digit) else { return nil }
            value = value << 4 | UInt16(nibble)
        }
        return value
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        if ASCII.isDigit(byte) { return byte - ASCII.zero }
        let letter = ASCII.lowercased(byte) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal, or RFC 5952 (longest run of zeros shortened, lower case).
    public var description: String {
        if isV4 {
            let bits = v4Bits
            return "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
        }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> UInt64(48 - 16 * ($0 % 4))) }
        guard let run = Self.longestZeroRun(groups) else {
            return groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        let left = groups[..<run.lowerBound].map { String($0, radix: 16) }.joined(separator: ":")
        let right = groups[run.upperBound...].map { String($0, radix: 16) }.joined(separator: ":")
        return left + "::" + right
    }

    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        for end in 0...groups.count where end == groups.count || groups[end] != 0 {
            if end - start > max(best?.count ?? 0, 1) { best = start..<end }
            start = end + 1
        }
        return best
    }
}

/// An address and a port.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    public var address: IPAddress
    public var port: UInt16

    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// `a.b.c.d:port` or `[v6]:port`.
    public var description: String { address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}

/// A block of addresses in CIDR notation.
public struct AddressPrefix: Hashable, Sendable, CustomStringConvertible {
    /// The first address; its bits beyond `length` are zero.
    public let address: IPAddress
    /// 0...32 for IPv4, 0...128 for IPv6.
    public let length: Int

    /// nil if the length does not fit the family; bits beyond it are cleared.
    public init?(_ address: IPAddress, length: Int) {
        guard length >= 0, length <= (address.isV4 ? 32 : 128) else { return nil }
        self.address = address.masked(to: length)
        self.length = length
    }

    /// The block of `bits` bits (of the address's own family) that `address` lies in; out of range means the nearest length.
    public init(_ address: IPAddress, bits: Int) {
        length = min(max(bits, 0), address.isV4 ? 32 : 128)
        self.address = address.masked(to: length)
    }

    /// Parses `address` or `address/length`.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(parts[0].utf8) else { return nil }
        let full = address.isV4 ? 32 : 128
        if parts.count == 1 {
            self.init(address, length: full)
        } else {
            guard parts[1].utf8.allSatisfy(ASCII.isDigit), let length = Int(parts[1]) else { return nil }
            self.init(address, length: length)
        }
    }

    public func contains(_ other: IPAddress) -> Bool {
        other.isV4 == address.isV4 && other.masked(to: length) == address
    }

    public var description: String { "\(address)/\(length)" }
}
