public import Bytes

/// A named list of a policy: built once, immutable, shared by all who ask it.
///
/// An entry may expire: it holds up to and including its last day, counted from 1970-01-01 in local time.
public final class List: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// Address prefixes.
        case cidr
        /// Mail addresses or logins.
        case address
        /// Names, and `.suffix` for everything below a name.
        case domain
        case string
        /// A key and the strings that belong to it.
        case map
    }

    public let kind: Kind
    /// Entries, expired ones included.
    public let count: Int

    let prefixes: PrefixTrie
    let table: ByteTable
    let hasSuffixes: Bool

    fileprivate init(_ builder: consuming ListBuilder) {
        kind = builder.kind
        prefixes = builder.prefixes
        table = builder.table
        hasSuffixes = builder.hasSuffixes
        count = builder.prefixes.count + builder.table.count
    }

    public var isEmpty: Bool { count == 0 }

    /// A list of kind domain with `patterns` in it, such as `example.org` and `.example.net`.
    public static func domains(_ patterns: [String]) -> List {
        var builder = ListBuilder(.domain)
        for pattern in patterns { builder.insert(Array(pattern.utf8)) }
        return builder.build()
    }

    // MARK: Asking

    public func contains(_ address: IPAddress, on day: Int32) -> Bool {
        prefixes.contains(address, on: day)
    }

    /// Whether one prefix covers all of `net`.
    public func contains(_ net: AddressPrefix, on day: Int32) -> Bool {
        prefixes.contains(net, on: day)
    }

    /// Whether `text`, in canonical form unless `isPlain`, is in the list.
    public func contains(_ text: Span<UInt8>, isPlain: Bool = false, on day: Int32) -> Bool {
        if hasSuffixes { return containsDomain(text, on: day) }
        return table.contains(text, on: day, forms: isPlain ? .written : .canonical)
    }

    /// Whether `value` is one of the strings of `key` in a list of kind map.
    public func contains(_ value: Span<UInt8>, of key: Span<UInt8>, on day: Int32) -> Bool {
        table.contains(key, value, on: day)
    }

    /// One pass from the end: at each dot what follows has been hashed already.
    private func containsDomain(_ text: Span<UInt8>, on day: Int32) -> Bool {
        var hash = ByteTable.seed
        var index = text.count
        while index > 0 {
            index &-= 1
            hash = ByteTable.mix(hash, text[index])
            if text[index] == ASCII.dot, index > 0,
                table.contains(text.extracting(index..<text.count), hash: hash, on: day)
            {
                return true
            }
        }
        return table.contains(text, hash: hash, on: day) && text.count > 0 && text[0] != ASCII.dot
    }
}

/// A list in the making.
public struct ListBuilder: Sendable {
    public let kind: List.Kind
    var prefixes = PrefixTrie()
    var table = ByteTable()
    var hasSuffixes = false

    public init(_ kind: List.Kind) {
        self.kind = kind
    }

    /// The day after all days.
    public static let never = Int32.max

    /// Adds a prefix to a list of kind cidr.
    public mutating func insert(_ prefix: AddressPrefix, until: Int32 = never) {
        prefixes.insert(prefix, until: until)
    }

    /// Adds an entry to a list of kind address, domain or string, in whatever form it was written.
    public mutating func insert(_ text: [UInt8], until: Int32 = never) {
        switch kind {
        case .cidr, .map:
            break
        case .address:
            table.insert(CanonicalName.address(text), until: until)
        case .domain:
            let isSuffix = text.first == ASCII.dot
            if isSuffix { hasSuffixes = true }
            let name = CanonicalName.domain(isSuffix ? Array(text.dropFirst()) : text)
            table.insert(isSuffix ? [ASCII.dot] + name : name, until: until)
        case .string:
            let canonical = CanonicalName.address(text)
            table.insert(text, until: until, forms: canonical == text ? [.written, .canonical] : .written)
            if canonical != text { table.insert(canonical, until: until, forms: .canonical) }
        }
    }

    /// Adds `value` to what belongs to `key` in a list of kind map.
    public mutating func insert(_ value: [UInt8], of key: [UInt8], until: Int32 = never) {
        guard kind == .map else { return }
        table.insert(CanonicalName.address(key) + [ASCII.nul] + CanonicalName.address(value), until: until)
    }

    public consuming func build() -> List { List(self) }
}
