import Glibc

/// A descriptor with one owner: closing it twice, or using it after it was closed, does not compile.
public struct FileDescriptor: ~Copyable, Sendable {
    /// The number, valid as long as this value lives.
    public let rawValue: Int32

    /// Takes ownership of `rawValue`; nobody else may close it.
    @inlinable
    public init(owning rawValue: Int32) {
        self.rawValue = rawValue
    }

    deinit {
        if rawValue >= 0 { _ = Glibc.close(rawValue) }
    }

    /// Gives the ownership away: the caller closes the number.
    public consuming func take() -> Int32 {
        let raw = rawValue
        discard self
        return raw
    }
}
