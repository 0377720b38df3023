import Foundation
import FuzzTargets
import Testing

/// Inputs with which a fuzzer once found something, and the seeds it begins with.
@Suite struct RegressionCorpusTests {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    private static let found = tests.appendingPathComponent("RegressionCorpus")
    private static let seeds = tests.deletingLastPathComponent().appendingPathComponent("Fuzz/Corpus")

    private static func inputs(of target: FuzzTarget, in folder: URL) -> [URL] {
        let own = folder.appendingPathComponent(target.rawValue)
        return (try? FileManager.default.contentsOfDirectory(at: own, includingPropertiesForKeys: nil)) ?? []
    }

    @Test(arguments: FuzzTarget.allCases)
    func `what was found once is not found again`(target: FuzzTarget) throws {
        for file in Self.inputs(of: target, in: Self.found) {
            let input = Array(try Data(contentsOf: file))
            #expect(target.complaint(about: input) == nil, "\(target) \(file.lastPathComponent)")
        }
    }

    @Test(arguments: FuzzTarget.allCases)
    func `every target has seeds, and nothing is wrong with them, whole or cut short`(target: FuzzTarget) throws {
        let files = Self.inputs(of: target, in: Self.seeds)
        #expect(!files.isEmpty)
        for file in files {
            let input = Array(try Data(contentsOf: file))
            for count in stride(from: input.count, through: 0, by: -max(1, input.count / 40)) {
                #expect(
                    target.complaint(about: Array(input.prefix(count))) == nil, "\(file.lastPathComponent) to \(count)")
            }
        }
    }
}
