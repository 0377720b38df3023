/// The forms in which findings are printed.
public enum FindingFormat: String, Sendable, CaseIterable {
    /// For people and editors: position, source line, carets, hint, notes.
    case text
    /// For scripts: one object with all findings.
    case json
    /// Workflow commands that GitHub shows beside the changed line.
    case github
}

/// Prints findings; the text form is part of the contract, so it changes only on purpose.
public struct FindingRenderer: Sendable {
    private let sources: [String: SourceFile]

    public init(sources: [SourceFile]) {
        self.sources = Dictionary(sources.map { ($0.name, $0) }) { first, _ in first }
    }

    /// All findings in the order given, each line ending in a line feed; empty if there are none (json: never empty).
    ///
    /// Passwords of URLs are not among what is printed.
    public func render(_ findings: [Finding], as format: FindingFormat) -> String {
        let findings = findings.map(Self.withoutPasswords)
        return switch format {
        case .text: findings.isEmpty ? "" : findings.map(text).joined() + Self.summary(findings) + "\n"
        case .json: Self.json(findings)
        case .github: findings.map(Self.github).joined()
        }
    }

    private static func withoutPasswords(_ finding: Finding) -> Finding {
        var finding = finding
        finding.message = Display.withoutPasswords(finding.message)
        finding.hint = finding.hint.map(Display.withoutPasswords)
        finding.notes = finding.notes.map(Display.withoutPasswords)
        return finding
    }

    /// The line that closes a report: how many errors and warnings in how many files, and whether they were loaded.
    public static func summary(_ findings: [Finding]) -> String {
        let errors = findings.count { $0.severity == .error }
        let warnings = findings.count - errors
        var parts: [String] = []
        if errors > 0 { parts.append(counted(errors, "error")) }
        if warnings > 0 || errors == 0 { parts.append(counted(warnings, "warning")) }
        let files = Set(findings.map(\.range.file)).count
        return "portreeve: \(parts.joined(separator: " and ")) in \(counted(files, "file"))."
            + (errors > 0 ? " Not loaded." : "")
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}

// MARK: Text

extension FindingRenderer {
    /// The width of the column of line numbers.
    private static let gutter = 5
    /// A line longer than this is shown without its far end.
    private static let longestLine = 200

    private func text(_ finding: Finding) -> String {
        let range = finding.range
        var lines = [
            "\(Display.printable(range.description)): \(finding.severity.rawValue)[\(finding.code)]: "
                + Display.printable(finding.message)
        ]
        let excerpt = excerpt(range, hint: finding.hint)
        lines += excerpt
        let margin = String(repeating: " ", count: Self.gutter + 1)
        if excerpt.isEmpty, let hint = finding.hint { lines.append("\(margin)= \(Display.printable(hint))") }
        lines += finding.notes.map { "\(margin)= \(Display.printable($0))" }
        return lines.map { $0 + "\n" }.joined()
    }

    /// The source line and the carets under the range; nothing where the source is unknown or far too long.
    private func excerpt(_ range: SourceRange, hint: String?) -> [String] {
        guard let source = sources[range.file]?.line(range.line), !source.allSatisfy(\.isWhitespace) || range.width > 0,
            range.column <= Self.longestLine
        else { return [] }
        let line = Display.printable(Display.withoutPasswords(source), keepTabs: true)
        let shown = line.count > Self.longestLine ? line.prefix(Self.longestLine) + "…" : line[...]
        let before = shown.prefix(range.column - 1)
        let marked = Display.columns(shown.dropFirst(range.column - 1).prefix(range.width))
        let carets = "^" + String(repeating: "~", count: max(marked, 1) - 1)
        let number = String(range.line)
        let padding = String(repeating: " ", count: max(0, Self.gutter - number.count))
        let margin = String(repeating: " ", count: max(Self.gutter, number.count))
        let advice = hint.map { " " + Display.printable($0) } ?? ""
        return ["\(padding)\(number) | \(shown)", "\(margin) | \(Display.blank(before))\(carets)\(advice)"]
    }
}
