// The dice of the simulation, and queues of octets.

/// SplitMix64: the same numbers for the same seed, everywhere.
struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    /// Below `bound`, which is at least 1.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(bound, 1))) }

    /// True once in `n` times.
    mutating func once(in n: Int) -> Bool { below(n) == 0 }

    mutating func pick<T>(_ choices: [T], else other: T) -> T {
        choices.isEmpty ? other : choices[below(choices.count)]
    }

    /// How many of `count` octets move at once: often all, sometimes one.
    mutating func portion(of count: Int) -> Int {
        switch below(4) {
        case 0: min(count, 1 + below(3))
        case 1: 1 + below(count)
        case _: count
        }
    }
}

/// Octets on their way.
struct ByteQueue {
    private var bytes: [UInt8] = []
    private var head = 0

    var count: Int { bytes.count - head }
    var isEmpty: Bool { count == 0 }
    var unread: ArraySlice<UInt8> { bytes[head...] }

    mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

    mutating func take(_ n: Int) -> [UInt8] {
        let taken = Array(unread.prefix(n))
        head += taken.count
        if head == bytes.count || head > 65536 {
            bytes.removeFirst(head)
            head = 0
        }
        return taken
    }

    mutating func removeAll() {
        bytes = []
        head = 0
    }

    /// Octets up to the first CRLF, with it; nil when there is none.
    var lineLength: Int? {
        var from = bytes[head...]
        while let lf = from.firstIndex(of: 0x0A) {
            if lf > head, bytes[lf - 1] == 0x0D { return lf + 1 - head }
            from = bytes[(lf + 1)...]
        }
        return nil
    }

    /// Octets up to the true end of message content (RFC 5321 4.1.1.4), with it; nil when it has not come.
    var contentLength: Int? {
        var from = bytes[head...]
        while let lf = from.firstIndex(of: 0x0A) {
            let start = lf - 2
            if start >= head, bytes[start] == 0x2E, bytes[lf - 1] == 0x0D {
                let isFirst = start == head
                if isFirst || start >= head + 2 && bytes[start - 1] == 0x0A && bytes[start - 2] == 0x0D {
                    return lf + 1 - head
                }
            }
            from = bytes[(lf + 1)...]
        }
        return nil
    }
}

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ octets: some Sequence<UInt8>) -> String { String(decoding: Array(octets), as: UTF8.self) }

/// A CR or LF that stands alone, or a NUL.
func hasBareNewline(_ octets: some Collection<UInt8>) -> Bool {
    var afterCR = false
    for octet in octets {
        if octet == 0 || (octet == 0x0A) != afterCR { return true }
        afterCR = octet == 0x0D
    }
    return afterCR
}

/// Content as it was before dot-stuffing; `sent` ends with its end of data.
func unstuffed(_ sent: [UInt8]) -> [UInt8] {
    var content: [UInt8] = []
    var isLineStart = true
    for octet in sent.dropLast(3) {
        if !(isLineStart && octet == 0x2E) { content.append(octet) }
        isLineStart = octet == 0x0A
    }
    return content
}

/// Reads replies off a wire.
struct ReplyReader {
    struct Reply {
        var code: Int
        var text: String
    }

    private var wire = ByteQueue()
    private var lines: [String] = []

    mutating func append(_ bytes: [UInt8]) { wire.append(bytes) }

    /// nil: no whole reply; a code of 0: not a reply.
    mutating func next() -> Reply? {
        while let length = wire.lineLength {
            let line = wire.take(length).dropLast(2)
            guard line.count >= 4, let code = Int(text(line.prefix(3))), (200...599).contains(code),
                line.dropFirst(4).allSatisfy({ (0x20...0x7E).contains($0) })
            else { return Reply(code: 0, text: text(line)) }
            lines.append(text(line.dropFirst(4)))
            guard line[line.startIndex + 3] == 0x20 else { continue }
            defer { lines = [] }
            return Reply(code: code, text: lines[0])
        }
        return nil
    }
}
