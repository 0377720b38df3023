import Bytes

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

/// For a complaint: what can be printed as it is, the rest escaped.
func shown(_ octets: [UInt8]) -> String {
    octets.prefix(400).map { (0x20...0x7E).contains($0) ? String(UnicodeScalar($0)) : "\\x" + String($0, radix: 16) }
        .joined()
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
