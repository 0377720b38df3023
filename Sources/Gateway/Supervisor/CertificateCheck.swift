public import Configuration
import Control
import Diagnostics
import Glibc
import TLSTransport

/// Looks into certificates for `check` and for reloads, with the code that serves them.
public enum CertificateCheck {
    /// Seconds before expiry at which it begins to warn.
    private static let warningTime: Int64 = 14 * 86_400

    /// What is wrong with a chain and its key; for `ConfigurationChecks`.
    public static func inspect(chain: String, key: String) -> [CertificateProblem] {
        do throws(TransportError) {
            let context = try ServerTLSContext(
                certificates: [CertificateFiles(chain: chain, key: key)], ticketKeys: try TicketKeys())
            return context.certificates.compactMap { expiry($0, Int64(time(nil))) }
        } catch {
            return [problem(error)]
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

    private static func problem(_ error: TransportError) -> CertificateProblem {
        switch error.code {
        case .keyUnreadable: CertificateProblem(.error, .key, error.detail)
        case .keyMismatch:
            CertificateProblem(.error, .key, error.detail, hint: "this key does not belong to the chain")
        case _: CertificateProblem(.error, .chain, error.detail)
        }
    }

    /// The fingerprints that listeners serve.
    static func summary(_ ports: [PortSettings]) -> [[String]] {
        ports.map { $0.tls?.certificates.map(\.fingerprint) ?? [] }
    }
}
