internal import PolicyLanguage

/// The documentation of the format, written from the tables, so that it cannot differ from what is read.
extension ConfigurationKeys {
    /// The whole of docs/CONFIGURATION.md, in Markdown.
    public static var document: String {
        let tables = sections.map { section in
            let title = section.isEmpty ? "Top level" : "`\(section)`"
            return "## \(title)\n\n| key | takes | default | meaning |\n|---|---|---|---|\n"
                + keys(of: section).map(row).joined() + "\n"
        }
        return introduction + tables.joined() + absent + codes
    }

    private static var sections: [String] {
        var result: [String] = []
        for key in all where !result.contains(key.section) { result.append(key.section) }
        return result
    }

    private static func row(_ key: FileKey) -> String {
        let text = key.isRequired ? "*required*" : key.defaultText.map { $0.contains(" ") ? $0 : "`\($0)`" } ?? ""
        return "| `\(key.name)` | \(key.type) | \(text) | \(key.meaning) |\n"
    }

    private static let introduction = """
        # portreeve.yaml: every key

        This file is written from the program's own table of keys (`ConfigurationKeys`); a test keeps the two equal.

        * An unknown key is an error. A relative path is relative to the directory of the file that names it.
        * Sizes: `B`, `KB`, `MB`, `GB`, `TB`; 1 KB is 1024 octets. Durations: `ms`, `s`, `min`, `h`, `d`.
          Rates: a number and `/s`, `/min`, `/h` or `/d`.
        * Domains are compared as A-labels (`bücher.example` is `xn--bcher-kva.example`); case and a final dot make no difference.
        * `listeners.NAME.tls_options` takes the keys of `tls`, `listeners.NAME.protocol` those of `protocol`.
        * Anchors, aliases, tags, merge keys, a second document and duplicate keys are errors.


        """

    private static var absent: String {
        let rows = AbsentPart.all.map { part in
            let path = part.section.isEmpty ? part.key : "\(part.section).\(part.key)"
            return "| `\(path)\(part.valuePrefix.isEmpty ? "" : ": \(part.valuePrefix)…")` | \(part.instead) |\n"
        }
        return
            "## Not in this version\n\nNaming one of these is an error, never ignored.\n\n| key | instead |\n|---|---|\n"
            + rows.joined() + "\n"
    }

    private static var codes: String {
        "## Codes of findings\n\n| code | meaning |\n|---|---|\n"
            + YAMLCode.allCases.map { "| `\($0.rawValue)` | \($0.meaning) |\n" }.joined()
            + ConfigurationCode.allCases.map { "| `\($0.rawValue)` | \($0.meaning) |\n" }.joined()
    }
}
