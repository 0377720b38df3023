import Bytes
import COpenSSL
import Glibc
public import Reactor

/// A self-signed ECDSA P-256 certificate for demonstrations and tests, never for a public service.
public struct ThrowawayCertificate: Sendable {
    /// PEM.
    public let chain: String
    /// PEM (PKCS #8), unencrypted.
    public let key: String

    /// Makes a key and a certificate for `names`, host names or IP addresses, valid from an hour ago for `days`.
    ///
    /// A negative `days` gives one that has expired. It serves as server, client and trust anchor.
    public init(names: [String], days: Int = 30) throws(TransportError) {
        guard let first = names.first, names.allSatisfy(Self.isPlain) else {
            throw TransportError(.operator, .invalidName, names.joined(separator: " "))
        }
        ERR_clear_error()
        guard let pair = reeve_new_p256_key(), let certificate = X509_new() else { throw Self.failure() }
        defer {
            EVP_PKEY_free(pair)
            X509_free(certificate)
        }
        try Self.fill(certificate, subject: first, days: days, pair)
        try Self.addExtensions(certificate, names)
        guard X509_sign(certificate, pair, EVP_sha256()) > 0 else { throw Self.failure() }
        chain = try Self.pem { PEM_write_bio_X509($0, certificate) }
        key = try Self.pem { PEM_write_bio_PrivateKey($0, pair, nil, nil, 0, nil, nil) }
    }

    /// Writes `NAME.pem` and `NAME.key` (mode 0600) into `directory`, replacing what is there.
    public func write(to directory: String, name: String) throws(Errno) -> CertificateFiles {
        let files = CertificateFiles(chain: "\(directory)/\(name).pem", key: "\(directory)/\(name).key")
        try Self.write(chain, to: files.chain, mode: 0o644)
        try Self.write(key, to: files.key, mode: 0o600)
        return files
    }
}

// MARK: Making

extension ThrowawayCertificate {
    /// Letters, digits, `.`, `-`, `:`, `*`: nothing that OpenSSL's extension syntax would take for its own.
    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 253
            && name.utf8.allSatisfy {
                ASCII.isLetter($0) || ASCII.isDigit($0) || [0x2D, 0x2E, 0x3A, 0x2A].contains($0)
            }
    }

    private static func fill(
        _ certificate: OpaquePointer, subject: String, days: Int, _ pair: OpaquePointer
    ) throws(TransportError) {
        let serial = try randomBytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } >> 1
        let name = X509_get_subject_name(certificate)
        let now = time(nil)
        guard X509_set_version(certificate, Int(X509_VERSION_3)) == 1,
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1,
            ASN1_TIME_set(X509_getm_notBefore(certificate), min(now, now + days * 86400) - 3600) != nil,
            ASN1_TIME_set(X509_getm_notAfter(certificate), now + days * 86400) != nil,
            // A common name has at most 64 octets (RFC 5280 appendix A).
            X509_NAME_add_entry_by_txt(
                name, "CN", MBSTRING_ASC, Array(subject.utf8.prefix(64)),
                Int32(min(subject.utf8.count, 64)), -1, 0) == 1,
            X509_set_issuer_name(certificate, name) == 1,
            X509_set_pubkey(certificate, pair) == 1
        else { throw failure() }
    }

    private static func addExtensions(_ certificate: OpaquePointer, _ names: [String]) throws(TransportError) {
        let alternatives = names.map { IPAddress($0) == nil ? "DNS:\($0)" : "IP:\($0)" }
        try add(certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
        try add(certificate, NID_key_usage, "critical,digitalSignature,keyCertSign")
        try add(certificate, NID_ext_key_usage, "serverAuth,clientAuth")
        try add(certificate, NID_subject_alt_name, alternatives.joined(separator: ","))
    }

    private static func add(_ certificate: OpaquePointer, _ id: Int32, _ value: String) throws(TransportError) {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, certificate, certificate, nil, nil, 0)
        guard let made = X509V3_EXT_nconf_nid(nil, &context, id, value) else { throw failure() }
        defer { X509_EXTENSION_free(made) }
        guard X509_add_ext(certificate, made, -1) == 1 else { throw failure() }
    }

    private static func pem(_ write: (OpaquePointer) -> Int32) throws(TransportError) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { throw failure() }
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { throw failure() }
        return contents(of: bio)
    }

    private static func failure() -> TransportError {
        TransportError(.environment, .setup, OpenSSLError.take().text)
    }

    private static func write(_ text: String, to path: String, mode: mode_t) throws(Errno) {
        // A file that exists would keep its mode.
        unlink(path)
        let file = FileDescriptor(owning: open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode))
        guard file.rawValue >= 0 else { throw .last }
        let bytes = Array(text.utf8)
        guard Glibc.write(file.rawValue, bytes, bytes.count) == bytes.count else { throw .last }
    }
}
