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

    @Test func everyFindingOfAMachineIsListed() throws {
        let listed = try Self.rows(under: "What `check` finds").map { $0[0].replacing("`", with: "") }
        #expect(listed == MachineCode.allCases.map(\.rawValue))
    }
}
