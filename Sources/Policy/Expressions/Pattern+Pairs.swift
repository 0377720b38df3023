import Bytes

/// Finds what a pattern cannot match without, by reading it cautiously: where there is any doubt, nothing.
struct RequiredPairs {
    private let pattern: [UInt8]
    private var index = 0
    private var depth = 0
    private var run: [UInt8] = []
    private var pairs = PairSet()

    private init(_ pattern: [UInt8]) {
        self.pattern = pattern
    }

    /// Pairs of neighbouring octets, ASCII letters in lower case, that stand in every text that `pattern` matches.
    static func of(_ pattern: [UInt8]) -> PairSet {
        let foldsCase = Array("(?i)".utf8)
        let body = pattern.starts(with: foldsCase) ? Array(pattern.dropFirst(foldsCase.count)) : pattern
        var reader = RequiredPairs(body)
        return reader.read() ? reader.pairs : PairSet()
    }

    /// False where it reads something that it does not follow.
    private mutating func read() -> Bool {
        while index < pattern.count {
            let octet = pattern[index]
            index += 1
            switch octet {
            case UInt8(ascii: "|"): if depth == 0 { return false }
            case UInt8(ascii: "("):
                if index < pattern.count, pattern[index] == UInt8(ascii: "?") || pattern[index] == UInt8(ascii: "*") {
                    return false
                }
                endRun()
                depth += 1
            case UInt8(ascii: ")"):
                endRun()
                depth -= 1
            case UInt8(ascii: "["):
                endRun()
                if !skipClass() { return false }
            case UInt8(ascii: "*"), UInt8(ascii: "?"): dropLast()
            case UInt8(ascii: "{"):
                dropLast()
                while index < pattern.count, pattern[index] != UInt8(ascii: "}") { index += 1 }
                index += 1
            case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "$"): endRun()
            case ASCII.backslash: if !readEscape() { return false }
            case 0x80...: endRun()
            case _: if depth == 0 { run.append(ASCII.lowercased(octet)) }
            }
        }
        endRun()
        return true
    }

    /// An escaped sign stands for itself, a class or a place for nothing; any other letter may begin anything.
    private mutating func readEscape() -> Bool {
        guard index < pattern.count else { return false }
        let octet = pattern[index]
        index += 1
        if !ASCII.isLetter(octet), !ASCII.isDigit(octet), octet < 0x80 {
            if depth == 0 { run.append(octet) }
            return true
        }
        endRun()
        return Array("dDwWsSbBAzZhHvVR".utf8).contains(octet)
    }

    /// To behind the bracket that closes a class.
    private mutating func skipClass() -> Bool {
        let start = pattern[index...].first == UInt8(ascii: "^") ? index + 1 : index
        index = start
        while index < pattern.count {
            let octet = pattern[index]
            index += 1
            switch octet {
            case ASCII.backslash: index += 1
            case UInt8(ascii: "["): return false
            case UInt8(ascii: "]"): if index > start + 1 { return true }
            case _: break
            }
        }
        return false
    }

    /// The last octet may be missing.
    private mutating func dropLast() {
        _ = run.popLast()
        endRun()
    }

    private mutating func endRun() {
        for place in run.indices.dropFirst() { pairs.insert(run[place - 1], run[place]) }
        run = []
    }
}
