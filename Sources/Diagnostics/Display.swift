/// How text looks in a terminal: what may be printed, and how many columns it takes.
enum Display {
    /// The text with everything that could move a cursor replaced; tabs stay where `keepTabs` says so.
    static func printable(_ text: String, keepTabs: Bool = false) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let harmless = !isControl(scalar) || (keepTabs && scalar == "\t")
            result.append(harmless ? scalar : "\u{FFFD}")
        }
        return String(result)
    }

    /// The text with stars for the password of each URL (`scheme://user:password@host`, RFC 3986 §3.2.1), column by column.
    ///
    /// A source line is shown in terminals and logs that more people read than the file.
    static func withoutPasswords(_ text: String) -> String {
        var scalars = Array(text.unicodeScalars)
        var index = 0
        while index + 2 < scalars.count {
            guard scalars[index] == ":", scalars[index + 1] == "/", scalars[index + 2] == "/" else {
                index += 1
                continue
            }
            let rest = scalars[(index + 3)...]
            let word = rest[
                ..<(rest.firstIndex { $0 == "\"" || $0 == "'" || $0.properties.isWhitespace } ?? rest.endIndex)]
            // A bracket opens an IPv6 address, or the optional part of a form that a hint shows: no user's name.
            if word.first != "[", let end = word.lastIndex(of: "@"), let colon = word[..<end].firstIndex(of: ":") {
                for place in (colon + 1)..<end { scalars[place] = "*" }
            }
            index = max(word.endIndex, index + 3)
        }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: scalars)
        return String(result)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format: scalar.value != 0x200D
        default: false
        }
    }

    /// Blanks that are as wide as `text`: tabs stay tabs, so they are as wide as in the line above.
    static func blank(_ text: some StringProtocol) -> String {
        text.map { $0 == "\t" ? "\t" : String(repeating: " ", count: columns($0)) }.joined()
    }

    /// The columns of a whole text.
    static func columns(_ text: some StringProtocol) -> Int {
        text.reduce(0) { $0 + columns($1) }
    }

    /// One column, or two for what East Asian terminals draw wide.
    private static func columns(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        return wide.contains { $0.contains(first.value) } ? 2 : 1
    }

    /// The main wide blocks of UAX #11: Hangul Jamo, CJK, Hangul, compatibility and full-width forms, emoji.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD,
    ]
}
