import Diagnostics
import Foundation
import PolicyLanguage
import Rehearsal
import Testing

@Suite("Tests of the shipped policies")
struct ShippedPolicyTests {
    static let policies = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("policies")

    static let names: [String] = {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: policies.path)) ?? []
        let shipped = entries.filter { !["invalid", "cookbook"].contains($0) && !$0.contains(".") }
        let cookbook = policies.appendingPathComponent("cookbook").path
        let recipes = (try? FileManager.default.contentsOfDirectory(atPath: cookbook)) ?? []
        return shipped.sorted() + recipes.sorted().map { "cookbook/\($0)" }
    }()

    @Test("every shipped policy and every recipe passes its tests, and they reach every rule", arguments: names)
    func passes(name: String) throws {
        let suite = PolicySuite.load(Self.policies.appendingPathComponent(name).path)
        #expect(FindingRenderer(sources: suite.sources).render(suite.findings, as: .text) == "")
        let tests = try #require(suite.tests)
        let report = try #require(
            suite.egress.map { EgressRunner($0, tests).run() } ?? suite.policy.map { TestRunner($0, tests).run() })
        #expect(TestReport.text([report], showsCoverage: false).contains(" 0 failed"))
        #expect(report.failures.map(\.name) == [])
        #expect(report.unreached == [])
    }
}
