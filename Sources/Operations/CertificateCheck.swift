public import Configuration
import Control
import Diagnostics
import Glibc
import TLSTransport

/// Looks into certificates for `check`, with the very code that loads them for service.
public enum CertificateCheck {
    /// Seconds before expiry at which it begins to warn.
    static let warningTime: Int64 = 14 * 86_400

    /// For `ConfigurationChecks`.
    public static let inspector: CertificateInspector = { chain, key in
        problems(chain: chain, key: key, now: Int64(time(nil)))
    }

    /// `now` is seconds since 1970.
    static func problems(chain: String, key: String, now: Int64) -> [CertificateProblem] {
        do throws(TransportError) {
            let files = CertificateFiles(chain: chain, key: key)
            let context = try ServerTLSContext(certificates: [files], ticketKeys: TicketKeys())
            return context.certificates.compactMap { expiry($0, now) }
        } catch {
            return [CertificateProblem(.error, file(error.code), text(error))]
        }
    }

    private static func expiry(_ certificate: CertificateSummary, _ now: Int64) -> CertificateProblem? {
        let date = UTCTime(seconds: certificate.notAfter).readable
        if certificate.isExpired(at: now) {
            return CertificateProblem(.warning, .chain, "the certificate expired on \(date)", hint: "renew it")
        }
        guard certificate.isExpired(at: now + warningTime) else { return nil }
        return CertificateProblem(.warning, .chain, "the certificate expires on \(date)", hint: "renew it")
    }

    private static func file(_ code: TransportError.Code) -> CertificateProblem.File {
        switch code {
        case .keyUnreadable, .keyMismatch: .key
        default: .chain
        }
    }

    private static func text(_ error: TransportError) -> String {
        switch error.code {
        case .keyMismatch: "the key does not belong to the certificate"
        default: error.detail
        }
    }
}
