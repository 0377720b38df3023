import Configuration
import Diagnostics
import Foundation

/// What the tests share: a world whose files are named after their state, and the fixtures.
enum Support {
    static let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    static let root = here.deletingLastPathComponent().deletingLastPathComponent()
    static let invalid = here.appendingPathComponent("Fixtures/invalid")

    /// A file is missing, unreadable or a directory if its name says so; two certificates have problems.
    static let checks = ConfigurationChecks(
        fileStatus: { path in
            if path.contains("missing") { return .missing }
            if path.contains("secret") { return .unreadable }
            return path.contains("directory") ? .notAFile : .readable
        },
        inspect: { chain, key in
            if chain.hasSuffix("expired.pem") {
                return [CertificateProblem(.warning, .chain, "expired on 2026-01-01", hint: "renew it")]
            }
            return key.hasSuffix("other-key.pem")
                ? [CertificateProblem(.error, .key, "does not belong to fullchain.pem")] : []
        })

    static func parse(_ text: String, name: String = "portreeve.yaml") -> LoadOutcome {
        Configuration.parse(text: text, name: name, directory: "/etc/portreeve", checks: checks)
    }

    /// A file that loads, with further text at its end.
    static func complete(_ rest: String = "") -> String {
        """
        version: 1
        hostname: mail.example.org
        listeners:
          mx: { port: 25, backend: mx }
        certificates:
          - { names: [mail.example.org], chain: fullchain.pem, key: privkey.pem }
        backends:
          mx: { servers: ["127.0.0.1:10025"], identity: proxy-v2 }

        """ + rest
    }

    static func text(_ url: URL) throws -> String {
        try String(contentsOf: url, encoding: .utf8)
    }
}
