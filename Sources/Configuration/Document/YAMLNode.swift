internal import Diagnostics

/// A YAML node as it was written: raw text, nothing resolved, every part with its place.
struct YAMLNode: Sendable, Equatable {
    enum Value: Sendable, Equatable {
        /// `quoted` tells `""` from nothing at all.
        case scalar(String, quoted: Bool)
        case sequence([YAMLNode])
        case mapping([Pair])
        /// Already reported; whoever meets it stays silent.
        case poisoned
    }

    struct Pair: Sendable, Equatable {
        let key: String
        let keyRange: SourceRange
        let value: YAMLNode
    }

    let value: Value
    let range: SourceRange

    /// Nothing after the colon.
    var isEmpty: Bool {
        if case .scalar("", quoted: false) = value { true } else { false }
    }

    /// What it is, for "expected …, found …".
    var kind: String {
        switch value {
        case .scalar: isEmpty ? "nothing" : "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .poisoned: "an error"
        }
    }
}
