internal import Bytes
internal import Diagnostics

/// `reply:`: its form; whether it fits its rule is asked later.
extension PolicyReader {
    /// RFC 5321 §4.5.3.1.5: a reply line with its CRLF, octets.
    static let longestReply = 512

    func reply(_ pair: YAMLNode.Pair?) -> ReplyDraft? {
        guard let pair, let text = text(pair) else { return nil }
        let range = pair.value.range
        let map = document.map(pair.value)
        let bytes = Array(text.utf8)
        if let control = bytes.firstIndex(where: { $0 < 0x20 || $0 == 0x7F }) {
            error(
                .badReply, map.range(control..<(control + 1)), "a reply has no control characters",
                hint: "one line, without CR and LF")
            return nil
        }
        if let foreign = bytes.firstIndex(where: { $0 >= 0x80 }) {
            error(.badReply, map.range(foreign..<(foreign + 1)), "a reply is ASCII (RFC 5321 §4.2)")
            return nil
        }
        let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 3, let code = Units.number(parts[0]), (200...599).contains(code),
            !parts[2].isEmpty
        else {
            error(
                .badReply, range, "a reply is a code, an enhanced code and a text",
                hint: "such as \"550 5.7.1 Not today\"")
            return nil
        }
        let draft = ReplyDraft(
            code: UInt16(clamping: code), text: String(text.dropFirst(4)), range: range, map: map, textOffset: 4)
        checkEnhanced(parts[1], draft)
        return draft
    }

    /// RFC 2034 §4: the class of the enhanced code is that of the code.
    private func checkEnhanced(_ word: Substring, _ reply: ReplyDraft) {
        let range = reply.map.range(4..<(4 + word.utf8.count))
        let numbers = word.split(separator: ".", omittingEmptySubsequences: false)
        guard numbers.count == 3, numbers.allSatisfy({ (1...3).contains($0.utf8.count) && Units.number($0) != nil })
        else {
            error(
                .enhancedCode, range, "'\(word)' is not an enhanced code (RFC 3463)",
                hint: "such as \(reply.code / 100).7.1")
            return
        }
        if Units.number(numbers[0]) != UInt64(reply.code / 100) {
            error(
                .enhancedCode, range, "enhanced code '\(word)' does not fit code \(reply.code)",
                hint: "write \(reply.code / 100).\(numbers[1]).\(numbers[2])")
        }
    }
}
