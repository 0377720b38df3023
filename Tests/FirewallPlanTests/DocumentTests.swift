import FirewallPlan
import Foundation
import Testing

/// docs/FIREWALL.md says what is so.
@Suite struct DocumentTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The cells of every row of the tables under a heading, without the two rows that open a table.
    private static func rows(under heading: String) throws -> [[String]] {
        let text = try text("docs/FIREWALL.md")
        let section = try #require(text.components(separatedBy: "\n## ").first { $0.hasPrefix(heading) })
        let rows = section.split(separator: "\n").filter { $0.hasPrefix("|") }.map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        return rows.enumerated().filter { index, row in
            !row.allSatisfy { $0.allSatisfy { $0 == "-" } }
                && !(index + 1 < rows.count && rows[index + 1].allSatisfy { $0.allSatisfy { $0 == "-" } })
        }.map(\.element)
    }

    /// All tests of the repository, by the names that they are declared with.
    private static func testNames() throws -> Set<String> {
        var names: Set<String> = []
        let files = try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: "Tests").path)
        for file in files where file.hasSuffix(".swift") || file.hasSuffix(".py") {
            let text = try text("Tests/\(file)")
            for match in text.matches(of: /(?:func `([^`]+)`|func (\w+)|def (test_\w+))\(/) {
                let (_, quoted, plain, python) = match.output
                if let name = quoted ?? plain ?? python { names.insert(String(name)) }
            }
        }
        return names
    }

    @Test func everyTestThatIsNamedExists() throws {
        let known = try Self.testNames()
        let rows = try Self.rows(under: "What is tested")
        #expect(rows.count > 30)
        for row in rows {
            let named = (row.last ?? "").components(separatedBy: "`, `").map { $0.replacing("`", with: "") }
            for name in named { #expect(known.contains(name), "\(row[0]): \(name)") }
        }
    }

    @Test func everyFindingOfAMachineIsListed() throws {
        let listed = try Self.rows(under: "What `check` finds").map { $0[0].replacing("`", with: "") }
        #expect(listed == MachineCode.allCases.map(\.rawValue))
    }
}
