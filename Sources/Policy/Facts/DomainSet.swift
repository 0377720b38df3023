import Bytes

/// Domain patterns: exact names, and `.suffix` for everything below a name.
public struct DomainSet: Hashable, Sendable {
    private var exact: Set<[UInt8]> = []
    private var suffixes: Set<[UInt8]> = []

    public init() {}

    /// Takes patterns such as `example.org` and `.example.net`, in any case.
    public init(_ patterns: [String]) {
        for pattern in patterns { insert(Array(pattern.utf8)) }
    }

    public var isEmpty: Bool { exact.isEmpty && suffixes.isEmpty }

    public mutating func insert(_ pattern: [UInt8]) {
        if pattern.first == ASCII.dot {
            suffixes.insert(CanonicalName.domain(Array(pattern.dropFirst())))
        } else {
            exact.insert(CanonicalName.domain(pattern))
        }
    }

    /// Whether `domain`, in canonical form, is one of the names or lies below one of the suffixes.
    public func contains(_ domain: [UInt8]) -> Bool {
        if exact.contains(domain) { return true }
        guard !suffixes.isEmpty else { return false }
        return domain.indices.contains { index in
            domain[index] == ASCII.dot && suffixes.contains(Array(domain[(index + 1)...]))
        }
    }
}
