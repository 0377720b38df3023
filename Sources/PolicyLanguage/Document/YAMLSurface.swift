internal import Diagnostics

/// Reads a YAML text token by token, before it is parsed, for what the parser would resolve or refuse without a place:
/// anchors, aliases, tags, merge keys, directives, control characters.
///
/// Each is reported and masked (blanks, or a placeholder for an alias), so that the rest of the file is still checked.
/// It knows quotes, comments, flow brackets and block scalars; libyaml remains the judge of everything else.
struct YAMLSurface {
    /// Stands for an alias, whose value nobody may use.
    static let alias: Unicode.Scalar = "\u{E000}"

    /// Deeper nesting than this is nobody's configuration, and would cost stack.
    static let deepest = 64

    /// Each finding costs a walk along its line; nobody reads more.
    private static let mostFindings = 200

    private(set) var text: YAMLText
    private(set) var findings: [Finding] = []
    /// Where brackets are nested deeper than that.
    private(set) var tooDeep: Int?
    /// Brackets open around each scalar; tells flow from block style.
    ///
    /// Inside quotes, comments and block scalars, where no key can begin, it is the largest number.
    private(set) var depths: [Int]
    private var depth = 0
    /// The next scalar begins a token.
    private var atToken = true
    /// The column of the first token of this line.
    private var indentation = 0

    init(_ text: YAMLText) {
        self.text = text
        depths = [Int](repeating: .max, count: text.scalars.count)
        maskControls()
        scan()
    }

    // MARK: Characters

    /// libyaml refuses some of these and takes others as line ends, which would shift every later line.
    private mutating func maskControls() {
        for index in text.scalars.indices where isControl(index) {
            report(.controlCharacter, index..<(index + 1), "control character \(name(text.scalars[index]))")
            text.mask(index..<(index + 1), with: " ")
        }
    }

    private func isControl(_ index: Int) -> Bool {
        let scalar = text.scalars[index]
        switch scalar.value {
        case 0x09, 0x0A: return false
        case 0x0D: return text[index + 1] != "\n"
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xFEFF, 0xE000...0xF8FF, 0xFFFE, 0xFFFF: return true
        default: return false
        }
    }

    private func name(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    // MARK: Tokens

    private mutating func scan() {
        var index = 0
        var lineStart = true
        while index < text.scalars.count {
            let scalar = text.scalars[index]
            depths[index] = depth
            if lineStart, scalar != " " { indentation = text.column(of: index) }
            switch scalar {
            case "\n": (lineStart, atToken) = (true, true)
            case " ", "\r": break
            case "\t": if lineStart { reportTab(index) }
            default:
                let isFirst = lineStart
                lineStart = false
                index = token(at: index, firstOfLine: isFirst)
            }
            index += 1
        }
    }

    /// Takes one token or a part of one; the answer is its last index.
    private mutating func token(at index: Int, firstOfLine: Bool) -> Int {
        let scalar = text.scalars[index]
        let isSeparate = firstOfLine || text[index - 1].map { $0 == " " || $0 == "\t" } ?? true
        if scalar == "#", isSeparate { return text.restOfLine(index).upperBound - 1 }
        if firstOfLine, scalar == "%", index == text.index(line: 1, column: 1) { return directive(at: index) }
        switch scalar {
        case "[", "{":
            if atToken || depth > 0 { open(index) }
        case "]", "}":
            if depth > 0 { depth -= 1 }
        case ",":
            if depth > 0 { atToken = true }
        case ":", "-", "?":
            // The column of what follows a dash is the indentation of a nested block.
            if isIndicatorEnd(index + 1) {
                if scalar != ":", atToken { indentation = text.column(of: index) + 1 }
                atToken = scalar == ":" || atToken
            } else {
                atToken = false
            }
        case "\"" where atToken, "'" where atToken: return quoted(from: index)
        case "&" where atToken, "*" where atToken, "!" where atToken: return property(at: index)
        case "<" where atToken: return mergeKey(at: index)
        case "|" where atToken && depth == 0, ">" where atToken && depth == 0: return blockScalar(from: index)
        default: atToken = false
        }
        return index
    }

    private mutating func open(_ index: Int) {
        depth += 1
        atToken = true
        if depth > Self.deepest { tooDeep = tooDeep ?? index }
    }

    private func isIndicatorEnd(_ index: Int) -> Bool {
        guard let next = text[index] else { return true }
        return next == " " || next == "\n" || next == "\r" || next == "\t"
            || (depth > 0 && ",[]{}".unicodeScalars.contains(next))
    }

    /// The index of the closing quote, or of the end.
    private mutating func quoted(from index: Int) -> Int {
        let quote = text.scalars[index]
        var end = index + 1
        while let scalar = text[end] {
            if quote == "\"", scalar == "\\" {
                end += 1
            } else if scalar == quote {
                guard quote == "'", text[end + 1] == "'" else { break }
                end += 1
            }
            end += 1
        }
        atToken = false
        return min(end, text.scalars.count - 1)
    }

    /// The index of the last scalar of the block: lines that are empty or indented deeper than where it began.
    private mutating func blockScalar(from index: Int) -> Int {
        var end = text.restOfLine(index).upperBound
        while let next = followingLine(end), isInside(next) { end = text.restOfLine(next).upperBound }
        atToken = false
        return end - 1
    }

    private func followingLine(_ end: Int) -> Int? {
        var index = end
        if text[index] == "\r" { index += 1 }
        guard text[index] == "\n", index + 1 < text.scalars.count else { return nil }
        return index + 1
    }

    private func isInside(_ lineStart: Int) -> Bool {
        let line = text.restOfLine(lineStart)
        guard let first = line.first(where: { text.scalars[$0] != " " }) else { return true }
        return first - lineStart > indentation
    }
}

// MARK: What is not used

extension YAMLSurface {
    private mutating func report(
        _ code: YAMLCode, _ indices: Range<Int>, _ message: String, hint: String? = nil
    ) {
        guard findings.count < Self.mostFindings else { return }
        findings.append(Finding(.error, code.rawValue, at: text.range(indices), message, hint: hint))
    }

    private mutating func reportTab(_ index: Int) {
        report(.controlCharacter, index..<(index + 1), "a tab indents this line", hint: "use spaces")
        text.mask(index..<(index + 1), with: " ")
    }

    private mutating func directive(at index: Int) -> Int {
        let line = text.restOfLine(index)
        report(.tag, line, "YAML directives are not used here", hint: "remove this line")
        text.mask(line, with: " ")
        return line.upperBound - 1
    }

    /// An anchor, an alias or a tag, with its name.
    private mutating func property(at index: Int) -> Int {
        var end = index + 1
        while let scalar = text[end], !isIndicatorEnd(end), scalar != "," || text.scalars[index] == "!" { end += 1 }
        let word = String(String.UnicodeScalarView(text.scalars[index..<end]))
        switch text.scalars[index] {
        case "*":
            report(
                .anchorOrAlias, index..<end, "alias '\(word)': anchors and aliases are not used here",
                hint: "write the value out, or quote it")
            text.mask(index..<end, with: Self.alias)
            atToken = false
        case "&":
            report(
                .anchorOrAlias, index..<end, "anchor '\(word)': anchors and aliases are not used here",
                hint: "remove it, or quote the value")
            text.mask(index..<end, with: " ")
        default:
            report(
                .tag, index..<end, "tag '\(word)': YAML tags are not used here", hint: "remove it, or quote the value")
            text.mask(index..<end, with: " ")
        }
        return end - 1
    }

    private mutating func mergeKey(at index: Int) -> Int {
        atToken = false
        guard text[index + 1] == "<", let colon = nextNonBlank(index + 2), text[colon] == ":" else { return index }
        report(.mergeKey, index..<(index + 2), "YAML merge keys are not used here", hint: "write the keys out")
        text.mask(index..<(index + 2), with: Self.alias)
        return index + 1
    }

    private func nextNonBlank(_ index: Int) -> Int? {
        var next = index
        while text[next] == " " { next += 1 }
        return text[next] == nil ? nil : next
    }
}
