public import Configuration
import Diagnostics
import Glibc
import TLSTransport

/// Looks into certificates for `check` and for reloads, with the code that serves them.
public enum CertificateCheck {
    /// What is wrong with a chain and its key; for `ConfigurationChecks`.
    public static func inspect(chain: String, key: String) -> [CertificateProblem] {
        do throws(TransportError) {
            let context = try ServerTLSContext(
                certificates: [CertificateFiles(chain: chain, key: key)], ticketKeys: try TicketKeys())
            let expired = context.certificates.filter { $0.isExpired(at: Int64(time(nil))) }
            return expired.map { _ in
                CertificateProblem(.warning, .chain, "the certificate has expired", hint: "renew it")
            }
        } catch {
            return [problem(error)]
        }
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
