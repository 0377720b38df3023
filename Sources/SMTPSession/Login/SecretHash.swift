import SMTPWire

/// Tells whether two wrong passwords are the same one, without keeping either.
///
/// SipHash under keys that are made when the process starts, and are neither written nor shown; a hash means nothing to
/// any other process.
enum SecretHash {
    private static let key: (UInt64, UInt64) = (.random(in: .min ... .max), .random(in: .min ... .max))

    static func hash(_ secret: ArraySlice<UInt8>) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(key.0)
        hasher.combine(secret)
        hasher.combine(key.1)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// What is secret in a first response; nil where it comes later or only as the answer to a challenge.
    static func secret(in response: [UInt8], of mechanism: AuthMechanism) -> ArraySlice<UInt8>? {
        switch mechanism {
        case .plain: response.lastIndex(of: 0).map { response[($0 + 1)...] }
        case .xoauth2, .oauthbearer: response[...]
        case .login, .cramMD5, .scramSHA1, .scramSHA256, .scramSHA512: nil
        }
    }
}
