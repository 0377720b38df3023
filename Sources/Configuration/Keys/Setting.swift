internal import Policy
internal import PolicyLanguage

/// One row of a table of limits: the key, where its value goes, and its range.
///
/// Reading, defaults and documentation all come from the row.
struct Setting<Root>: Sendable {
    /// A field of `Root` by its kind.
    enum Field: Sendable {
        /// Nanoseconds.
        case duration(any WritableKeyPath<Root, UInt64> & Sendable, ClosedRange<UInt64>)
        /// Octets, written with a unit.
        case size(any WritableKeyPath<Root, UInt64> & Sendable, ClosedRange<UInt64>)
        case count(any WritableKeyPath<Root, Int> & Sendable, ClosedRange<UInt64>)
        case octets(any WritableKeyPath<Root, UInt64> & Sendable, ClosedRange<UInt64>)
        case flag(any WritableKeyPath<Root, Bool> & Sendable)
        case rate(any WritableKeyPath<Root, ProtocolLimits.Rate> & Sendable)
        case newline(any WritableKeyPath<Root, ProtocolLimits.BareNewline> & Sendable)
        /// A section of its own.
        case prefixes
    }

    let name: String
    let field: Field
    let meaning: String

    init(_ name: String, _ field: Field, _ meaning: String) {
        self.name = name
        self.field = field
        self.meaning = meaning
    }

    /// The row as a key of the documentation, with its default read from a fresh `Root`.
    func key(in section: String, of root: Root) -> FileKey {
        FileKey(section, name, type, default: text(of: root), meaning)
    }

    private var type: String {
        switch field {
        case .duration(_, let range):
            "duration, \(Units.duration(range.lowerBound)) to \(Units.duration(range.upperBound))"
        case .size(_, let range): "size, \(Units.size(range.lowerBound)) to \(Units.size(range.upperBound))"
        case .count(_, let range), .octets(_, let range): "\(range.lowerBound) to \(range.upperBound)"
        case .flag: "true, false"
        case .rate: "rate"
        case .newline: ProtocolLimits.BareNewline.allCases.map(\.rawValue).joined(separator: ", ")
        case .prefixes: "mapping"
        }
    }

    private func text(of root: Root) -> String? {
        switch field {
        case .duration(let path, _): Units.duration(root[keyPath: path])
        case .size(let path, _): Units.size(root[keyPath: path])
        case .count(let path, _): "\(root[keyPath: path])"
        case .octets(let path, _): "\(root[keyPath: path])"
        case .flag(let path): "\(root[keyPath: path])"
        case .rate(let path): Units.rate(root[keyPath: path])
        case .newline(let path): root[keyPath: path].rawValue
        case .prefixes: nil
        }
    }
}
