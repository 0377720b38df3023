/// Cuts an expression into tokens.
///
/// Never fails: what is no token is reported and left out. Work is linear in the length of the text.
struct Tokenizer {
    private let text: [UInt8]
    private var index = 0
    private(set) var tokens: [Token] = []
    private(set) var faults: [ExpressionFault] = []
    /// Where `&&`, `||` and `!` stand, which `fmt` rewrites as words.
    private(set) var symbols: [(range: Range<Int>, word: String)] = []

    init(_ text: String) {
        self.text = Array(text.utf8)
        while let byte = peek() { take(byte) }
        tokens.append(Token(kind: .end, range: self.text.count..<self.text.count))
    }

    private func peek(_ distance: Int = 0) -> UInt8? {
        index + distance < text.count ? text[index + distance] : nil
    }

    private mutating func add(_ kind: Token.Kind, _ length: Int) {
        tokens.append(Token(kind: kind, range: index..<(index + length)))
        index += length
    }

    private mutating func take(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): index += 1
        case UInt8(ascii: "("): add(.leftParenthesis, 1)
        case UInt8(ascii: ")"): add(.rightParenthesis, 1)
        case UInt8(ascii: "["): add(.leftBracket, 1)
        case UInt8(ascii: "]"): add(.rightBracket, 1)
        case UInt8(ascii: ","): add(.comma, 1)
        case UInt8(ascii: "\""), UInt8(ascii: "'"): quoted(byte)
        case _ where isWordByte(byte): word()
        case _: symbol(byte)
        }
    }

    // MARK: Symbols

    private mutating func symbol(_ byte: UInt8) {
        let isDoubled = peek(1) == UInt8(ascii: "=")
        switch byte {
        case UInt8(ascii: "=") where isDoubled: add(.equal, 2)
        case UInt8(ascii: "!") where isDoubled: add(.unequal, 2)
        case UInt8(ascii: "<"): add(isDoubled ? .lessOrEqual : .less, isDoubled ? 2 : 1)
        case UInt8(ascii: ">"): add(isDoubled ? .greaterOrEqual : .greater, isDoubled ? 2 : 1)
        case UInt8(ascii: "&") where peek(1) == byte: addSymbol(.and, 2, "and")
        case UInt8(ascii: "|") where peek(1) == byte: addSymbol(.or, 2, "or")
        case UInt8(ascii: "!"): addSymbol(.not, 1, "not")
        case _: strange(byte)
        }
    }

    private mutating func addSymbol(_ kind: Token.Kind, _ length: Int, _ word: String) {
        symbols.append((index..<(index + length), word))
        add(kind, length)
    }

    /// One character that begins nothing; a character of several octets is one fault.
    private mutating func strange(_ byte: UInt8) {
        let start = index
        index += 1
        while let next = peek(), next & 0xC0 == 0x80 { index += 1 }
        let shown = String(decoding: text[start..<index], as: UTF8.self)
        let hint: String? =
            switch byte {
            case UInt8(ascii: "="): "write '=='"
            case UInt8(ascii: "&"): "write 'and'"
            case UInt8(ascii: "|"): "write 'or'"
            case _: nil
            }
        faults.append(
            ExpressionFault(code: .syntax, range: start..<index, message: "unexpected character '\(shown)'", hint: hint)
        )
    }

    // MARK: Words

    /// What names, numbers, addresses and units are made of.
    ///
    /// A colon, a slash and a hyphen are part of a word, so `10.0.0.0/8`, `2001:db8::1`, `200/h` and list names are one.
    private func isWordByte(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "-")
    }

    private mutating func word() {
        let start = index
        while let byte = peek(), isWordByte(byte) { index += 1 }
        let word = String(decoding: text[start..<index], as: UTF8.self)
        let range = start..<index
        if let kind = Token.words[word] {
            tokens.append(Token(kind: kind, range: range))
        } else if Constant.looksLikeOne(word) {
            tokens.append(Token(kind: .literal(word), range: range))
        } else {
            tokens.append(Token(kind: .name(word), range: range))
        }
    }

    /// A text in quotes of either kind; `\\` and `\"` and `\'` are the only escapes, so that a pattern's `\.` stays.
    private mutating func quoted(_ quote: UInt8) {
        let start = index
        index += 1
        var content: [UInt8] = []
        while let byte = peek(), byte != quote {
            if byte == UInt8(ascii: "\\"), let next = peek(1), next == quote || next == byte {
                content.append(next)
                index += 2
            } else {
                content.append(byte)
                index += 1
            }
        }
        if peek() == nil {
            faults.append(
                ExpressionFault(
                    code: .syntax, range: start..<text.count, message: "a text is not closed",
                    hint: "the closing \(quote == UInt8(ascii: "'") ? "'" : "\"") is missing"))
        } else {
            index += 1
        }
        tokens.append(Token(kind: .text(String(decoding: content, as: UTF8.self)), range: start..<index))
    }
}
