import Configuration
import Diagnostics

/// portreeve.yaml: whatever the text, loading ends; without a plan there is an error; findings lie inside the text.
enum ConfigurationTarget {
    private static let checks = ConfigurationChecks(fileStatus: { _ in .readable })

    static func check(_ input: [UInt8]) throws(Complaint) {
        guard let text = String(validating: input.prefix(16384), as: UTF8.self) else { return }
        let outcome = Configuration.parse(
            text: text, name: "portreeve.yaml", directory: "/etc/portreeve", checks: checks)
        let hasError = outcome.findings.contains { $0.severity == .error }
        try require((outcome.plan == nil) == hasError, "plan: \(outcome.plan != nil), error: \(hasError)")
        for finding in outcome.findings {
            let end = finding.range.offset + finding.range.length
            try require(end <= text.utf8.count, "a finding ends at \(end) of \(text.utf8.count) octets")
        }
        for format in FindingFormat.allCases { _ = outcome.rendered(as: format) }
    }
}
