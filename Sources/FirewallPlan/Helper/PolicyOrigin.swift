/// The file that a deployment was read from, so that the helper can read it again when it or a list changes.
public struct PolicyOrigin: Hashable, Sendable {
    public enum Kind: UInt8, Hashable, Sendable {
        /// A portreeve.yaml, whose `firewall:` names the policy.
        case configuration = 0
        /// A policy by itself.
        case policy = 1
    }

    public var kind: Kind
    /// Absolute.
    public var path: String
    /// Absolute paths of everything that was read: the file, the policy, its lists.
    public var files: [String]

    public init(_ kind: Kind, path: String, files: [String]) {
        (self.kind, self.path, self.files) = (kind, path, files)
    }
}

extension PolicyOrigin: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(kind.rawValue)
        writer.write(path)
        writer.write(files) { $0.write($1) }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            try reader.choice(), path: try reader.text(),
            files: try reader.array { reader throws(WireError) in try reader.text() })
    }
}
