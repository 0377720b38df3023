/// The key sizes that Postfix writes behind a cipher's name, read off that name.
struct CipherBits: Equatable {
    /// Bits of strength.
    var used: Int
    /// Bits of key.
    var algorithm: Int

    /// nil for a name that says nothing of its size.
    init?(cipher: String) {
        func has(_ part: String) -> Bool { cipher.contains(part) }
        if has("CHACHA20") || has("AES256") || has("AES_256") || has("CAMELLIA256") || has("ARIA256") {
            (used, algorithm) = (256, 256)
        } else if has("AES128") || has("AES_128") || has("CAMELLIA128") || has("ARIA128") {
            (used, algorithm) = (128, 128)
        } else if has("DES-CBC3") || has("3DES") {
            (used, algorithm) = (112, 168)
        } else {
            return nil
        }
    }
}
