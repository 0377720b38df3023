import Foundation
import PolicyLanguage
import Testing

@Suite("Documentation of policies")
struct DocumentTests {
    private static var recipes: [PolicyDocument.Recipe] {
        let folder = Repository.policies.appendingPathComponent("cookbook")
        return Repository.folders(in: folder).map { name in
            let recipe = folder.appendingPathComponent(name)
            func text(_ file: String) -> String {
                (try? String(contentsOf: recipe.appendingPathComponent(file), encoding: .utf8)) ?? ""
            }
            return PolicyDocument.Recipe(name: name, policy: text("policy.yaml"), tests: text("tests.yaml"))
        }
    }

    @Test("docs/POLICY.md and the schema are what the tables say")
    func document() throws {
        let texts = [
            (Repository.root.appendingPathComponent("docs/POLICY.md"), PolicyDocument.text(Self.recipes)),
            (Repository.policies.appendingPathComponent("policy.v1.json"), PolicySchema.json),
        ]
        for (file, expected) in texts {
            if ProcessInfo.processInfo.environment["PORTREEVE_RECORD"] != nil {
                try expected.write(to: file, atomically: true, encoding: .utf8)
                Issue.record("recorded \(file.lastPathComponent); run again")
                continue
            }
            #expect((try? String(contentsOf: file, encoding: .utf8)) == expected)
        }
    }

    @Test("there are 15 recipes")
    func recipes() {
        #expect(Self.recipes.count >= 15)
        #expect(Self.recipes.allSatisfy { !$0.policy.isEmpty && !$0.tests.isEmpty })
    }

    @Test("the schema is JSON")
    func schema() throws {
        let object = try JSONSerialization.jsonObject(with: Data(PolicySchema.json.utf8))
        let schema = try #require(object as? [String: Any])
        let definitions = try #require(schema["$defs"] as? [String: [String: Any]])
        for (kind, section) in [("smtp", ""), ("egress", "egress"), ("zone", "egress.zones.NAME")] {
            #expect((definitions[kind]?["properties"] as? [String: Any])?.count == PolicyKeys.keys(of: section).count)
        }
    }
}
