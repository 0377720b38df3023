/// What may be shown and stored of text that a peer chose.
enum UTF8Text {
    /// Valid UTF-8 without control characters (C0, DEL and C1).
    static func isPrintable(_ bytes: [UInt8]) -> Bool {
        if bytes.allSatisfy({ (0x20...0x7E).contains($0) }) { return true }
        guard let text = String(validating: bytes, as: UTF8.self) else { return false }
        return text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    }
}
