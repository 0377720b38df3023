import Diagnostics
import FirewallPlan
import Foundation
import PolicyLanguage
import Testing

@Suite("Shipped policies")
struct ShippedTests {
    static let names = Repository.folders(in: Repository.policies).filter {
        !["invalid", "cookbook"].contains($0) && !$0.contains(".")
    }

    @Test("a shipped policy loads without a finding", arguments: names)
    func loads(name: String) throws {
        let outcome = Repository.loader.load(path: Repository.policies.appendingPathComponent(name).path, shown: name)
        #expect(outcome.rendered() == "")
        #expect(outcome.policy?.name ?? outcome.egress?.policy.name == name)
    }

    @Test("a shipped policy has a README", arguments: names)
    func readme(name: String) {
        let file = Repository.policies.appendingPathComponent(name).appendingPathComponent("README.md")
        #expect(FileManager.default.fileExists(atPath: file.path))
    }

    @Test("the built-in policies are the shipped files", arguments: BuiltInPolicies.names)
    func builtIn(name: String) throws {
        let file = Repository.policies.appendingPathComponent(name).appendingPathComponent("policy.yaml")
        #expect(BuiltInPolicies.text(named: name) == (try String(contentsOf: file, encoding: .utf8)))
        #expect(BuiltInPolicies.policy(named: name) != nil)
    }

    @Test("the file is in the form that fmt writes", arguments: names)
    func formatted(name: String) throws {
        let file = Repository.policies.appendingPathComponent(name).appendingPathComponent("policy.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(PolicyFormatter.format(text, name: name).text == text)
    }

    @Test("fmt writes word operators and quotes replies, and leaves comments alone")
    func format() {
        let text = """
            rules:   # all
              - id: a
                when: "!tls.active&&(auth.ok || !has(tls.sni))"
                reply: 550 5.7.1 No  \u{20}

            """
        let expected = """
            rules:   # all
              - id: a
                when: "not tls.active and (auth.ok or not has(tls.sni))"
                reply: "550 5.7.1 No"

            """
        #expect(PolicyFormatter.format(text, name: "x").text == expected)
    }
}
