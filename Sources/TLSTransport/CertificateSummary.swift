import COpenSSL
import Glibc

/// What a loaded certificate says about itself, for logs, metrics and `doctor`.
public struct CertificateSummary: Sendable, Equatable {
    /// The file it came from.
    public let path: String
    /// RFC 4514 text, at most 256 octets.
    public let subject: String
    /// dNSName entries in lower case, at most 100.
    public let names: [String]
    /// Seconds since 1970 at which it stops being valid.
    public let notAfter: Int64
    /// SHA-256 over the DER form, lower-case hex.
    public let fingerprint: String

    /// Whether it is no longer valid at `time`, in seconds since 1970.
    public func isExpired(at time: Int64) -> Bool { time > notAfter }

    init(loadedIn context: OpaquePointer, _ files: CertificateFiles) throws(TransportError) {
        guard let certificate = SSL_CTX_get0_certificate(context) else {
            throw TransportError(.operator, .certificateUnreadable, "\(files.chain): no certificate in it")
        }
        path = files.chain
        subject = subjectText(of: certificate)
        names = Self.dnsNames(of: certificate)
        notAfter = Self.seconds(X509_get0_notAfter(certificate))
        fingerprint = fingerprintText(of: certificate)
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var parts = tm()
        guard ASN1_TIME_to_tm(time, &parts) == 1 else { return 0 }
        return Int64(timegm(&parts))
    }

    private static func dnsNames(of certificate: OpaquePointer) -> [String] {
        guard let raw = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(raw)
        defer { GENERAL_NAMES_free(names) }
        var result: [String] = []
        for i in 0..<min(OPENSSL_sk_num(names), 100) {
            guard let value = OPENSSL_sk_value(names, i) else { continue }
            let name = value.assumingMemoryBound(to: GENERAL_NAME.self).pointee
            guard name.type == GEN_DNS, let text = name.d.dNSName, let data = ASN1_STRING_get0_data(text) else {
                continue
            }
            let bytes = UnsafeBufferPointer(start: data, count: Int(min(ASN1_STRING_length(text), 255)))
            result.append(printable(String(decoding: bytes, as: UTF8.self), limit: 255).lowercased())
        }
        return result
    }
}
