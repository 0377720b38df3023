internal import Diagnostics
internal import Policy

/// What an expression can name: fields at its stage, the policy's lists and limits.
struct Names {
    let stage: Stage
    let lists: [String: ListType]
    /// Lists without an entry, in which nothing is.
    let emptyLists: Set<String>
    /// The fields of each limit's key.
    let limits: [String: [Field]]
    /// Lists and limits of which everything is said already.
    var broken: Set<String> = []
    /// The predefined list of the domains that are ours.
    static let ourDomains = "our_domains"

    /// What a word of an expression stands for.
    enum Meaning {
        case field(Field)
        case list(String, ListType)
        /// `limits.NAME.remaining`.
        case remaining(String, key: [Field])
        case fault(ExpressionFault)
        /// Declared with a mistake that was reported.
        case broken
    }

    func meaning(of path: String, at range: Range<Int>) -> Meaning {
        let parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        switch parts.first {
        case "lists": return list(parts, path, range)
        case "limits": return limit(parts, path, range)
        case .none, .some: break
        }
        guard let field = Field(path: path) else { return .fault(unknown(path, parts, range)) }
        guard field.stages.contains(stage) else { return .fault(absent(field, range)) }
        return .field(field)
    }

    // MARK: Lists and limits

    private func list(_ parts: [String], _ path: String, _ range: Range<Int>) -> Meaning {
        guard parts.count == 2 else {
            return .fault(ExpressionFault(code: .unknownList, range: range, message: "'\(path)' is not a list's name"))
        }
        if broken.contains("lists." + parts[1]) { return .broken }
        if parts[1] == Self.ourDomains { return .list(parts[1], .domain) }
        if let type = lists[parts[1]] { return .list(parts[1], type) }
        let known = lists.keys.sorted() + [Self.ourDomains]
        return .fault(
            ExpressionFault(
                code: .unknownList, range: range, message: "unknown list '\(path)'",
                hint: Suggestion.nearest(to: parts[1], in: known).map { "did you mean 'lists.\($0)'?" },
                notes: ["lists: \(known.joined(separator: " "))"]))
    }

    private func limit(_ parts: [String], _ path: String, _ range: Range<Int>) -> Meaning {
        if parts.count > 1, broken.contains("limits." + parts[1]) { return .broken }
        if parts.count == 3, parts[2] == "remaining", let key = limits[parts[1]] {
            return .remaining(parts[1], key: key)
        }
        let known = limits.keys.sorted()
        return .fault(
            ExpressionFault(
                code: .unknownField, range: range, message: "unknown field '\(path)'",
                hint: parts.count > 1
                    ? Suggestion.nearest(to: parts[1], in: known).map { "did you mean 'limits.\($0).remaining'?" }
                    : nil,
                notes: ["limits have one field, 'limits.NAME.remaining'"]
                    + (known.isEmpty ? [] : ["limits: \(known.joined(separator: " "))"])))
    }

    /// What can be read of the limits.
    var remainders: [String] { limits.keys.sorted().map { "limits.\($0).remaining" } }

    // MARK: Fields

    /// `unknown field 'tls.verison'`, with what stands beside it at this stage.
    private func unknown(_ path: String, _ parts: [String], _ range: Range<Int>) -> ExpressionFault {
        let near = Suggestion.nearest(to: path, in: Field.allCases.map(\.path))
        let hint =
            near.map { "did you mean '\($0)'?" } ?? (parts.count == 1 ? "a text stands in quotes: \"\(path)\"" : nil)
        return ExpressionFault(
            code: .unknownField, range: range, message: "unknown field '\(path)'", hint: hint,
            notes: [neighbours(parts)])
    }

    /// The fields of the deepest group that exists, else the groups.
    private func neighbours(_ parts: [String]) -> String {
        for length in stride(from: parts.count - 1, to: 0, by: -1) {
            let group = parts[..<length].joined(separator: ".")
            let members = members(of: group + ".")
            if !members.isEmpty {
                return "fields of '\(group)' at stage '\(stage.name)': \(members.joined(separator: " "))"
            }
        }
        return "groups of fields at stage '\(stage.name)': \(members(of: "").joined(separator: " "))"
    }

    private func members(of prefix: String) -> [String] {
        let here = Field.allCases.filter { $0.stages.contains(stage) && $0.path.hasPrefix(prefix) }
        let next = here.map { $0.path.dropFirst(prefix.count).prefix { $0 != "." } }
        return Set(next.map(String.init)).sorted()
    }

    private func absent(_ field: Field, _ range: Range<Int>) -> ExpressionFault {
        let first = field.stages.first?.name ?? ""
        return ExpressionFault(
            code: .fieldNotAtStage, range: range, message: "'\(field.path)' has no meaning at stage '\(stage.name)'",
            hint: "first known at stage '\(first)'",
            notes: ["stages of '\(field.path)': \(field.stages.stages.map(\.name).joined(separator: " "))"])
    }
}

/// Which values are known to be there.
enum Presences {
    /// What a true guard tells.
    static func given(_ guardField: Field) -> Set<Field> {
        let direct = Set(
            Field.allCases.filter { field in
                if case .guarded(let by, _) = field.presence { by == guardField } else { false }
            })
        // A verified certificate came inside TLS.
        return guardField == .clientCertVerified ? direct.union(given(.tlsActive)) : direct
    }

    /// What `has(field)` tells: the two parts of the only mailbox of From: exist together.
    static func given(has field: Field) -> Set<Field> {
        switch field {
        case .fromHeaderAddress, .fromHeaderDomain: [.fromHeaderAddress, .fromHeaderDomain]
        case _: [field]
        }
    }

    static func missing(_ field: Field, ofLimit limit: String, at stage: Stage) -> String {
        "limit '\(limit)' needs '\(field.path)', which has no meaning at stage '\(stage.name)'"
    }

    static func unguarded(_ field: Field, keyOf limit: String) -> String {
        "limit '\(limit)' is keyed by '\(field.path)', which may be absent"
    }

    /// How to make sure that a field is there.
    static func advice(_ field: Field) -> String {
        switch field.presence {
        case .guarded(let by, _): by.path
        case .always, .sometimes: "has(\(field.path))"
        }
    }
}
