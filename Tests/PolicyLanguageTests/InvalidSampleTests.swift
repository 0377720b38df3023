import Diagnostics
import Foundation
import PolicyLanguage
import Testing

/// After a wanted change, PORTREEVE_RECORD=1 writes the expected texts anew (and fails, so that nobody forgets to read
/// them).
@Suite("Invalid policies")
struct InvalidSampleTests {
    static let folder = Repository.policies.appendingPathComponent("invalid")
    static let cases = Repository.folders(in: folder)

    @Test("an invalid policy is diagnosed exactly as its sample says", arguments: cases)
    func diagnosis(name: String) throws {
        let folder = Self.folder.appendingPathComponent(name)
        let file = folder.appendingPathComponent("expected.txt")
        let outcome = Repository.loader.load(path: folder.path, shown: "policies/invalid/\(name)")
        if ProcessInfo.processInfo.environment["PORTREEVE_RECORD"] != nil {
            try Repository.neutral(outcome.rendered()).write(to: file, atomically: true, encoding: .utf8)
            Issue.record("recorded \(name); read it and run again")
            return
        }
        let expected = try String(contentsOf: file, encoding: .utf8)
        #expect(Repository.neutral(outcome.rendered()) == expected)
        #expect((outcome.policy == nil && outcome.egress == nil) == outcome.findings.contains { $0.severity == .error })
    }

    @Test("there are at least 40 samples")
    func count() {
        #expect(Self.cases.count >= 40)
    }

    @Test("every code of policy files but those of the guards occurs in a sample")
    func coverage() {
        let found = Set(
            Self.cases.flatMap { name in
                Repository.loader.load(path: Self.folder.appendingPathComponent(name).path).findings.map(\.code)
            })
        let elsewhere: Set<PolicyCode> = [
            .openRelay, .unauthenticated, .cleartextAuth, .onlyMonitors, .fileUnreadable, .unknownPolicy, .unknownRule,
        ]
        let missing = PolicyCode.allCases.filter { !elsewhere.contains($0) && !found.contains($0.rawValue) }
        #expect(missing == [])
    }
}

/// Where the tests' files are.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let policies = root.appendingPathComponent("policies")

    /// Reads real files on a day that does not move.
    static var loader: PolicyLoader { PolicyLoader(today: Day(number: 20_700)) }

    /// Without the place of this checkout.
    static func neutral(_ text: String) -> String {
        text.replacingOccurrences(of: root.path, with: "/ROOT")
    }

    static func folders(in url: URL) -> [String] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        return entries.sorted()
    }
}
