import COpenSSL
public import Reactor

/// Why a connection or a context failed: whose fault it is, a stable code, and words for the log.
///
/// `detail` is bounded printable ASCII from OpenSSL, the kernel or us; it never holds keys or traffic.
public struct TransportError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Who can put it right.
    public enum Fault: String, Sendable {
        case peer
        case `operator`
        case environment
    }

    /// The stable names of failures, for logs and metrics.
    public enum Code: String, Sendable, CaseIterable {
        // Of a connection.
        case connectionReset = "connection_reset"
        case connectionClosed = "connection_closed"
        case inputOutput = "io_error"
        case notTLS = "tls_not_tls"
        case version = "tls_version"
        case noSharedCipher = "tls_no_shared_cipher"
        case applicationProtocol = "tls_alpn"
        case verification = "tls_verify"
        case noClientCertificate = "tls_no_client_certificate"
        case alert = "tls_alert"
        case protocolViolation = "tls_protocol"
        // Of a context.
        case noCertificate = "tls_no_certificate"
        case certificateUnreadable = "tls_certificate_unreadable"
        case keyUnreadable = "tls_key_unreadable"
        case keyMismatch = "tls_key_mismatch"
        case clientCAUnreadable = "tls_ca_unreadable"
        case invalidName = "tls_invalid_name"
        case setup = "tls_setup"
    }

    public let fault: Fault
    public let code: Code
    public let detail: String

    public init(_ fault: Fault, _ code: Code, _ detail: String) {
        self.fault = fault
        self.code = code
        self.detail = printable(detail, limit: 300)
    }

    /// A failed read or write of the socket.
    public init(_ error: Errno) {
        switch error {
        case .connectionReset, .brokenPipe: self.init(.peer, .connectionReset, error.description)
        default: self.init(.environment, .inputOutput, error.description)
        }
    }

    public var description: String { "\(code.rawValue): \(detail)" }
}

/// Printable ASCII of `text`, anything else as `?`, at most `limit` octets.
func printable(_ text: some StringProtocol, limit: Int) -> String {
    String(decoding: text.utf8.prefix(limit).map { (0x20..<0x7F).contains($0) ? $0 : 0x3F }, as: UTF8.self)
}

/// What OpenSSL left in this thread's error queue, emptied: the first entry's number and words.
struct OpenSSLError {
    let number: UInt

    static func take() -> OpenSSLError {
        let first = OpenSSLError(number: ERR_get_error())
        ERR_clear_error()
        return first
    }

    var isEmpty: Bool { number == 0 }
    var isOfSSL: Bool { reeve_err_lib(number) == ERR_LIB_SSL }
    var reason: Int32 { reeve_err_reason(number) }

    var text: String {
        guard !isEmpty else { return "no reason given" }
        guard let reason = ERR_reason_error_string(number) else { return "error \(number)" }
        return String(cString: reason)
    }

    /// The failure of a handshake or of a record.
    func transportError(verification: Int) -> TransportError {
        guard isOfSSL else { return TransportError(.peer, .protocolViolation, text) }
        switch reason {
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_VERSION_TOO_HIGH,
            SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_NO_PROTOCOLS_AVAILABLE:
            return TransportError(.peer, .version, text)
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_PACKET_LENGTH_TOO_LONG,
            SSL_R_RECORD_TOO_SMALL:
            return TransportError(.peer, .notTLS, text)
        case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SUITABLE_KEY_SHARE:
            return TransportError(.peer, .noSharedCipher, text)
        case SSL_R_NO_APPLICATION_PROTOCOL, SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
            return TransportError(.peer, .applicationProtocol, text)
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return TransportError(.peer, .noClientCertificate, text)
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            let why = X509_verify_cert_error_string(verification).map { String(cString: $0) } ?? text
            return TransportError(.peer, .verification, why)
        case SSL_AD_REASON_OFFSET..<(SSL_AD_REASON_OFFSET + 256):
            return TransportError(.peer, .alert, text)
        default:
            return TransportError(.peer, .protocolViolation, text)
        }
    }
}
