/// A value that travels between programs of ours, or lies in a file of ours.
///
/// Numbers are big-endian, texts and arrays carry their length. Reading is total: whatever the octets are, the answer is
/// a value or an error, and memory stays in proportion to what was given.
public protocol WireCodable {
    func write(to writer: inout WireWriter)
    init(from reader: inout WireReader) throws(WireError)
}

/// Why octets are no value.
public enum WireError: Error, Hashable, Sendable {
    /// They end too early.
    case truncated
    /// A number, tag or length that has no meaning there.
    case malformed
    /// Something follows the value.
    case trailing
    /// Of another version of the format.
    case version
}

public struct WireWriter: Sendable {
    public private(set) var octets: [UInt8] = []

    public init() {}

    public mutating func write(_ value: some FixedWidthInteger & UnsignedInteger) {
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) {
            octets.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    public mutating func write(_ value: Bool) {
        octets.append(value ? 1 : 0)
    }

    public mutating func write(_ value: Int32) {
        write(UInt32(bitPattern: value))
    }

    public mutating func write(_ value: [UInt8]) {
        write(UInt32(truncatingIfNeeded: value.count))
        octets += value
    }

    public mutating func write(_ value: String) {
        write(Array(value.utf8))
    }

    public mutating func write(_ values: [some WireCodable]) {
        write(UInt32(truncatingIfNeeded: values.count))
        for value in values { value.write(to: &self) }
    }

    public mutating func write(_ value: (some WireCodable)?) {
        write(value != nil)
        value?.write(to: &self)
    }

    /// An array whose items are told by `body`.
    mutating func write<Item>(_ values: [Item], _ body: (inout WireWriter, Item) -> Void) {
        write(UInt32(truncatingIfNeeded: values.count))
        for value in values { body(&self, value) }
    }

    mutating func write<Item>(_ value: Item?, _ body: (inout WireWriter, Item) -> Void) {
        write(value != nil)
        if let value { body(&self, value) }
    }
}

public struct WireReader: Sendable {
    private let octets: ArraySlice<UInt8>
    private var position: Int

    public init(_ octets: ArraySlice<UInt8>) {
        self.octets = octets
        position = octets.startIndex
    }

    public var remaining: Int { octets.endIndex - position }

    public mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
        _: Value.Type = Value.self
    ) throws(WireError) -> Value {
        let count = Value.bitWidth / 8
        guard remaining >= count else { throw .truncated }
        var value: Value = 0
        for _ in 0..<count {
            value = (count == 1 ? 0 : value << 8) | Value(truncatingIfNeeded: octets[position])
            position += 1
        }
        return value
    }

    public mutating func signed() throws(WireError) -> Int32 {
        Int32(bitPattern: try integer(UInt32.self))
    }

    public mutating func bool() throws(WireError) -> Bool {
        switch try integer(UInt8.self) {
        case 0: false
        case 1: true
        default: throw .malformed
        }
    }

    public mutating func bytes() throws(WireError) -> [UInt8] {
        let count = Int(try integer(UInt32.self))
        guard count <= remaining else { throw .truncated }
        defer { position += count }
        return Array(octets[position..<position + count])
    }

    public mutating func text() throws(WireError) -> String {
        guard let text = String(validating: try bytes(), as: UTF8.self) else { throw .malformed }
        return text
    }

    /// An array; no count makes it reserve more than the octets that are left.
    mutating func array<Item>(
        _ body: (inout WireReader) throws(WireError) -> Item
    ) throws(WireError) -> [Item] {
        let count = Int(try integer(UInt32.self))
        guard count <= remaining else { throw .truncated }
        var items: [Item] = []
        for _ in 0..<count { items.append(try body(&self)) }
        return items
    }

    mutating func array<Item: WireCodable>(of _: Item.Type = Item.self) throws(WireError) -> [Item] {
        let count = Int(try integer(UInt32.self))
        guard count <= remaining else { throw .truncated }
        var items: [Item] = []
        for _ in 0..<count { items.append(try Item(from: &self)) }
        return items
    }

    mutating func optional<Item>(
        _ body: (inout WireReader) throws(WireError) -> Item
    ) throws(WireError) -> Item? {
        try bool() ? try body(&self) : nil
    }

    mutating func optional<Item: WireCodable>(of _: Item.Type = Item.self) throws(WireError) -> Item? {
        try bool() ? try Item(from: &self) : nil
    }

    /// A value of an enumeration by its number.
    mutating func choice<Choice: RawRepresentable>(
        _: Choice.Type = Choice.self
    ) throws(WireError) -> Choice where Choice.RawValue: FixedWidthInteger & UnsignedInteger {
        guard let choice = Choice(rawValue: try integer()) else { throw .malformed }
        return choice
    }
}

extension WireCodable {
    /// The value's octets.
    public var wire: [UInt8] {
        var writer = WireWriter()
        write(to: &writer)
        return writer.octets
    }

    /// The value of exactly these octets.
    public init(wire octets: [UInt8]) throws(WireError) {
        var reader = WireReader(octets[...])
        try self.init(from: &reader)
        guard reader.remaining == 0 else { throw .trailing }
    }
}
