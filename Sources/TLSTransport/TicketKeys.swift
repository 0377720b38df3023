import COpenSSL
import Reactor

/// The keys that a listener's session tickets are sealed with, and its session context.
///
/// One per listener, shared by the contexts of all its workers and kept across reloads, so that a client resumes on
/// whichever worker it meets; a ticket of another listener (another policy, other client certificates) means nothing
/// here. Make a new one when the listener's client CA changes: a resumed session is not verified again.
public final class TicketKeys: Sendable {
    /// Seconds that a ticket is good for; rotate about as often, so that a key seals for one period and opens for two.
    public static let lifetime = 3600

    struct Key: Sendable {
        /// 16 octets of name, 32 of AES, 32 of HMAC.
        var bytes: [UInt8]

        static func random() throws(TransportError) -> Key {
            Key(bytes: try randomBytes(80))
        }

        func isNamed(_ name: UnsafePointer<UInt8>) -> Bool { (0..<16).allSatisfy { bytes[$0] == name[$0] } }
    }

    struct Pair: Sendable {
        var current: Key
        var previous: Key?
    }

    /// The session id context of RFC 5077's stateful sibling: OpenSSL compares it before it resumes.
    let sessionContext: [UInt8]
    private let keys: Locked<Pair>

    public init() throws(TransportError) {
        sessionContext = try randomBytes(16)
        keys = Locked(Pair(current: try .random(), previous: nil))
    }

    /// Seals with a new key from now on; tickets under the one before are still opened, older ones not.
    public func rotate() throws(TransportError) {
        let fresh = try Key.random()
        keys.withLock { $0 = Pair(current: fresh, previous: $0.current) }
    }

    var snapshot: Pair { keys.withLock { $0 } }
}

func randomBytes(_ count: Int) throws(TransportError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    guard RAND_bytes(&bytes, Int32(count)) == 1 else {
        throw TransportError(.environment, .setup, "no randomness: \(OpenSSLError.take().text)")
    }
    return bytes
}

/// OpenSSL's request for keys: -1 error, 0 unknown ticket (full handshake), 1 fine, 2 fine and give a new one.
func ticketCallback(
    _ ssl: OpaquePointer?, _ name: UnsafeMutablePointer<UInt8>?, _ iv: UnsafeMutablePointer<UInt8>?,
    _ cipher: OpaquePointer?, _ mac: OpaquePointer?, _ encrypt: Int32
) -> Int32 {
    guard let ssl, let name, let iv, let context = ServerTLSContext.of(ssl) else { return -1 }
    let pair = context.ticketKeys.snapshot
    if encrypt == 1 {
        for i in 0..<16 { name[i] = pair.current.bytes[i] }
        guard RAND_bytes(iv, 16) == 1 else { return -1 }
        return prepare(pair.current, iv, cipher, mac, encrypt: 1) ? 1 : -1
    }
    if pair.current.isNamed(name) {
        guard prepare(pair.current, iv, cipher, mac, encrypt: 0) else { return -1 }
        // A TLS 1.3 ticket is for one use (RFC 8446 appendix C.4): hand out the next.
        return SSL_version(ssl) >= TLS1_3_VERSION ? 2 : 1
    }
    guard let previous = pair.previous, previous.isNamed(name) else { return 0 }
    return prepare(previous, iv, cipher, mac, encrypt: 0) ? 2 : -1
}

private func prepare(
    _ key: TicketKeys.Key, _ iv: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer?, _ mac: OpaquePointer?,
    encrypt: Int32
) -> Bool {
    var macKey = Array(key.bytes[48..<80])
    return key.bytes.withUnsafeBufferPointer { bytes in
        guard let base = bytes.baseAddress else { return false }
        return reeve_ticket_init(cipher, mac, iv, base + 16, &macKey, encrypt) == 1
    }
}
