/// Proof that no plaintext was left unread at the moment a connection turns to TLS.
///
/// Bytes that a peer sent in clear behind STARTTLS (or behind the 220 that answers it) must never be taken for bytes
/// from inside the TLS session (CVE-2011-0411, CVE-2014-3556, CVE-2021-38371). The proof comes only from an empty
/// `InputBuffer`, and starting TLS consumes it, on the client side and on the backend side alike.
public struct PlaintextDrained: ~Copyable, Sendable {
    fileprivate init() {}
}

extension InputBuffer {
    /// The proof, or nil when plaintext waits unread.
    public func plaintextDrained() -> PlaintextDrained? {
        isEmpty ? PlaintextDrained() : nil
    }
}
