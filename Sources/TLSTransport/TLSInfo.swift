import COpenSSL

/// The protocol's versions, in order.
public enum TLSVersion: Int32, Comparable, Sendable, CaseIterable, CustomStringConvertible {
    case tls10 = 0x0301
    case tls11 = 0x0302
    case tls12 = 0x0303
    case tls13 = 0x0304

    public static func < (left: TLSVersion, right: TLSVersion) -> Bool { left.rawValue < right.rawValue }

    /// `TLS1.2`, the form of the configuration.
    public var description: String {
        switch self {
        case .tls10: "TLS1.0"
        case .tls11: "TLS1.1"
        case .tls12: "TLS1.2"
        case .tls13: "TLS1.3"
        }
    }

    /// Parses `TLS1.2` or `TLSv1.2`, in any case.
    public init?(_ text: String) {
        let wanted = text.uppercased().replacing("TLSV", with: "TLS")
        guard let version = Self.allCases.first(where: { $0.description == wanted }) else { return nil }
        self = version
    }
}

/// A certificate that the peer showed.
public struct PeerCertificate: Sendable, Equatable {
    /// The chain leads to a CA that was asked for and the peer holds the key.
    public let isVerified: Bool
    /// RFC 4514 text, printable ASCII, at most 256 octets.
    public let subject: String
    /// SHA-256 over the DER form, 64 lower-case hex digits.
    public let fingerprint: String
}

/// What a finished handshake agreed on.
///
/// Every text is printable ASCII and bounded.
public struct TLSInfo: Sendable, Equatable {
    public let version: TLSVersion
    /// OpenSSL's name of the cipher suite.
    public let cipher: String
    /// The name that the client asked for (SNI), at most 255 octets; nil when it named none.
    public let serverName: String?
    /// A ticket took the place of the key exchange or the certificate.
    public let isResumed: Bool
    /// `smtp`, or nil when none was agreed on.
    public let applicationProtocol: String?
    /// The peer's certificate; nil when it showed none.
    public let peerCertificate: PeerCertificate?

    init(_ ssl: OpaquePointer) {
        version = TLSVersion(rawValue: SSL_version(ssl)) ?? .tls12
        cipher = printable(SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)), limit: 64) ?? "unknown"
        serverName = printable(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name), limit: 255)
        isResumed = SSL_session_reused(ssl) == 1
        applicationProtocol = Self.applicationProtocol(ssl)
        peerCertificate = PeerCertificate(ssl)
    }

    private static func applicationProtocol(_ ssl: OpaquePointer) -> String? {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        guard let name, length > 0 else { return nil }
        let text = String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
        return printable(text, limit: 32)
    }
}

extension PeerCertificate {
    init?(_ ssl: OpaquePointer) {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer { X509_free(certificate) }
        isVerified = SSL_get_verify_result(ssl) == Int(X509_V_OK) && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE
        subject = subjectText(of: certificate)
        fingerprint = fingerprintText(of: certificate)
    }
}

func printable(_ text: UnsafePointer<CChar>?, limit: Int) -> String? {
    guard let text else { return nil }
    return printable(String(cString: text), limit: limit)
}

/// RFC 4514 form; what is not ASCII is escaped.
func subjectText(of certificate: OpaquePointer) -> String {
    guard let bio = BIO_new(BIO_s_mem()) else { return "" }
    defer { BIO_free(bio) }
    reeve_print_name(bio, X509_get_subject_name(certificate))
    return printable(contents(of: bio), limit: 256)
}

func fingerprintText(of certificate: OpaquePointer) -> String {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var length: UInt32 = 0
    guard X509_digest(certificate, EVP_sha256(), &digest, &length) == 1 else { return "" }
    let digits = Array("0123456789abcdef".utf8)
    let hex = digest.prefix(Int(length)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: hex, as: UTF8.self)
}

func contents(of bio: OpaquePointer) -> String {
    var data: UnsafeMutablePointer<CChar>?
    let count = reeve_bio_contents(bio, &data)
    guard let data, count > 0 else { return "" }
    return String(decoding: UnsafeRawBufferPointer(start: data, count: count), as: UTF8.self)
}
