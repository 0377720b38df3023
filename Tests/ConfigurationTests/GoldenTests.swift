import Configuration
import Diagnostics
import Foundation
import Testing

/// Every faulty file prints exactly what stands beside it.
///
/// After a wanted change, PORTREEVE_RECORD=1 writes the expected texts anew (and fails, so that nobody forgets to read
/// them).
@Suite("Golden diagnostics")
struct GoldenTests {
    static let cases: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: Support.invalid.path)) ?? []
        return names.filter { $0.hasSuffix(".yaml") }.sorted()
    }()

    @Test("There are at least forty faulty files")
    func enough() {
        #expect(Self.cases.count >= 40)
    }

    @Test("A faulty file prints what stands beside it", arguments: cases)
    func golden(name: String) throws {
        let url = Support.invalid.appendingPathComponent(name)
        let outcome = Support.parse(try Support.text(url), name: name)
        let printed = outcome.rendered()
        let expected = url.deletingPathExtension().appendingPathExtension("expected")
        if ProcessInfo.processInfo.environment["PORTREEVE_RECORD"] != nil {
            try printed.write(to: expected, atomically: true, encoding: .utf8)
            Issue.record("recorded \(name); read it and run again")
            return
        }
        #expect(printed == (try? Support.text(expected)))
        #expect(outcome.plan == nil)
        #expect(outcome.findings.contains { $0.severity == .error })
    }

    @Test("Nothing is expected of a file that is not there")
    func noOrphans() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Support.invalid.path)
        let orphans = names.filter { $0.hasSuffix(".expected") }
            .filter { !Self.cases.contains($0.replacingOccurrences(of: ".expected", with: ".yaml")) }
        #expect(orphans.isEmpty)
    }

    @Test("Findings come sorted by place, whatever pass found them")
    func sorted() throws {
        for name in Self.cases {
            let outcome = Support.parse(try Support.text(Support.invalid.appendingPathComponent(name)), name: name)
            let ranges = outcome.findings.map(\.range)
            #expect(ranges == ranges.sorted(), "\(name)")
        }
    }

    @Test("The faulty files together show every code but those of files that load")
    func codes() throws {
        var seen: Set<String> = []
        for name in Self.cases {
            let outcome = Support.parse(try Support.text(Support.invalid.appendingPathComponent(name)), name: name)
            seen.formUnion(outcome.findings.map(\.code))
        }
        let missing = ConfigurationCode.allCases.map(\.rawValue).filter { !seen.contains($0) }
        // What is found before there is a text, what only a start finds, and what needs a policy beside the file.
        let others = [ConfigurationCode.unreadableText, .endpointUnavailable, .interceptsNothing]
        #expect(missing == others.map(\.rawValue))
    }
}
