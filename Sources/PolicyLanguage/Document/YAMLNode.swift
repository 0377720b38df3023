public import Diagnostics

/// A YAML node as it was written: raw text, nothing resolved, every part with its place.
public struct YAMLNode: Sendable, Equatable {
    public enum Value: Sendable, Equatable {
        /// `quoted` tells `""` from nothing at all.
        case scalar(String, quoted: Bool)
        case sequence([YAMLNode])
        case mapping([Pair])
        /// Already reported; whoever meets it stays silent.
        case poisoned
    }

    public struct Pair: Sendable, Equatable {
        public let key: String
        public let keyRange: SourceRange
        public let value: YAMLNode
    }

    public let value: Value
    public let range: SourceRange
    /// The index of its first scalar in the text, its indicator or quote included.
    let start: Int

    /// Nothing after the colon.
    public var isEmpty: Bool {
        if case .scalar("", quoted: false) = value { true } else { false }
    }

    /// What it is, for "expected …, found …".
    public var kind: String {
        switch value {
        case .scalar: isEmpty ? "nothing" : "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .poisoned: "an error"
        }
    }
}
