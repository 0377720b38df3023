// Shared by the tests of this module: text to octets, buffers to octets, and a seeded source of numbers.

import Bytes
import SMTPWire

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }

func parse(_ line: String) -> Result<Command, CommandFault> { parse(octets(line)) }

func parse(_ line: [UInt8]) -> Result<Command, CommandFault> { CommandParser.parse(line.span.bytes) }

func fault(_ line: String) -> CommandFault.Kind? {
    if case .failure(let fault) = parse(line) { fault.kind } else { nil }
}

func mail(_ line: String) -> MailCommand? {
    if case .success(.mail(let command)) = parse(line) { command } else { nil }
}

func rcpt(_ line: String) -> RcptCommand? {
    if case .success(.rcpt(let command)) = parse(line) { command } else { nil }
}

/// What `write` appends to an output buffer.
func written<E: Error>(_ write: (inout OutputBuffer) throws(E) -> Void) throws(E) -> [UInt8] {
    var output = OutputBuffer(pool: BufferPool())
    try write(&output)
    return taken(&output)
}

func taken(_ output: inout OutputBuffer) -> [UInt8] {
    let result = output.pending.withUnsafeBytes { Array($0) }
    output.consume(result.count)
    return result
}

/// SplitMix64: the same numbers in every run.
struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

/// `bytes` in pieces; half of the time in few, else in tiny ones.
func pieces(_ bytes: [UInt8], _ numbers: inout Numbers) -> [[UInt8]] {
    let largest = numbers.next() & 1 == 0 ? 2 : max(1, bytes.count)
    var result: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
        let size = 1 + Int(numbers.next() % UInt64(largest))
        result.append(Array(rest.prefix(size)))
        rest = rest.dropFirst(size)
    }
    return result
}

/// Calls `body` with every string over CR, LF, dot, NUL and `a` up to `length` octets.
func forEachTail(upTo length: Int, _ body: ([UInt8]) -> Void) {
    let alphabet: [UInt8] = [0x0D, 0x0A, 0x2E, 0x00, 0x61]
    func extend(_ tail: [UInt8]) {
        body(tail)
        if tail.count < length { for octet in alphabet { extend(tail + [octet]) } }
    }
    extend([])
}
