/// What a file holds, or why that is not known.
public enum FileContent: Sendable {
    case bytes([UInt8])
    case missing
    case unreadable
    /// Longer than anybody's list.
    case tooLong
}

/// How policies and lists are read; tests answer themselves.
public struct PolicyFiles: Sendable {
    /// The longest policy or test file, octets.
    public static let longestPolicy = 1 << 20
    /// The longest list file, octets: a million entries of 64.
    public static let longestList = 64 << 20

    /// The content of an absolute path, at most `limit` octets.
    public var read: @Sendable (_ path: String, _ limit: Int) -> FileContent

    /// The number of a user of this machine.
    public var user: @Sendable (_ name: String) -> UInt32?

    public init(
        read: @escaping @Sendable (_ path: String, _ limit: Int) -> FileContent,
        user: @escaping @Sendable (_ name: String) -> UInt32? = { _ in nil }
    ) {
        self.read = read
        self.user = user
    }

    /// The file system, with the process's own rights.
    public static let system = PolicyFiles(
        read: { path, limit in
            switch FilePaths.content(path, limit: limit) {
            case .some(let bytes): bytes.count > limit ? .tooLong : .bytes(bytes)
            case .none: FilePaths.exists(path) ? .unreadable : .missing
            }
        }, user: FilePaths.user)
}
