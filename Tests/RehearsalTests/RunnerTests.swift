import Bytes
import Diagnostics
import PolicyLanguage
import Rehearsal
import Testing

@Suite("Running policy tests")
struct RunnerTests {
    private static let policy = """
        version: 1
        policy: sample
        limits:
          two: { key: client.net, rate: 1/h, burst: 2 }
        rules:
          - { id: tls, at: mail, when: not tls.active, action: reject, reply: "530 5.7.0 TLS first" }
          - { id: pace, at: mail, over: two, action: defer, reply: "450 4.7.1 Wait {limit.retry_after}" }
          - { id: never-asked, at: helo, when: helo.name == "x", tag: x }
        default: accept

        """

    private static func run(_ tests: String) throws -> TestReport {
        let outcome = PolicyLoader().parse(text: policy, name: "policy.yaml", directory: "/nowhere")
        let policy = try #require(outcome.policy)
        let reading = TestReader.read(text: "version: 1\npolicy: sample\ntests:\n" + tests, name: "tests.yaml")
        let text = FindingRenderer(sources: reading.sources).render(reading.findings, as: .text)
        return TestRunner(policy, try #require(reading.file, "\(text)")).run()
    }

    @Test("a failure shows what was expected beside what came")
    func failure() throws {
        let report = try Self.run("  - { name: a, at: mail, expect: { action: accept, code: 250, rule: pace } }\n")
        #expect(report.failures.count == 1)
        let failure = try #require(report.results.first?.failure)
        #expect(failure.expected == ["action: accept", "code: 250", "rule: pace"])
        #expect(failure.got == ["action: reject", "code: 530", "rule: tls"])
        let text = TestReport.text([report], showsCoverage: true)
        #expect(text.contains("tests.yaml:4:26: FAILED: a"))
        #expect(text.contains("action: accept  action: reject"))
        #expect(text.contains("portreeve: sample: 0 passed, 1 failed, 33 % of 3 rules reached"))
        #expect(text.contains("not reached: pace never-asked"))
    }

    @Test("limits are counted on the test's own clock")
    func clock() throws {
        let report = try Self.run(
            """
              - name: a
                at: mail
                facts: { tls.active: true, client.ip: 203.0.113.7 }
                steps:
                  - { repeat: 2, expect: { action: accept } }
                  - { expect: { action: defer, rule: pace, reply: "Wait 60min" } }
                  - { facts: { client.ip: 203.0.113.8 }, expect: { action: accept } }
                  - { advance: 1h, expect: { action: accept } }
                  - { expect: { action: defer } }

            """)
        #expect(report.failures.map(\.name) == [])
        #expect(report.unreached == ["tls", "never-asked"])
    }

    @Test("a script that goes otherwise fails at its line")
    func script() throws {
        let report = try Self.run(
            """
              - name: a
                script: |
                  S: 220
                  C: EHLO x
                  S: 250 !STARTTLS
              - name: b
                script: |
                  S: 220
                  C: EHLO x
                  S: 250 *STARTTLS*
                  C: MAIL FROM:<a@example.org>
                  S: 530 5.7.0
                  C: TLS
                  C: EHLO x
                  S: 250 !STARTTLS
                  C: MAIL FROM:<a@example.org>
                  S: 250
                  C: QUIT
                  S: 221

            """)
        #expect(report.failures.map(\.name) == ["a"])
        #expect(report.results.first?.failure?.place == "line 3 of the script")
    }

    @Test("a line of a script that nobody understands is shown where it stands")
    func scriptMistakes() {
        let reading = TestReader.read(
            text: """
                version: 1
                policy: sample
                tests:
                  - name: a
                    script: |
                      S: 220
                      S: abc
                      C: DATA <<
                      X: is content
                      .
                      advance soon

                """, name: "tests.yaml")
        #expect(reading.findings.map(\.range.line) == [7, 11])
        #expect(reading.findings.map(\.range.column) == [7, 7])
        #expect(reading.findings.map(\.range.length) == [6, 12])
    }

    @Test("mistakes in tests are found before anything runs")
    func mistakes() {
        let reading = TestReader.read(
            text: """
                version: 1
                policy: sample
                tests:
                  - { name: a, at: mial, expect: { action: accept } }
                  - { name: a, at: mail, facts: { tls.actve: true }, expect: { acton: accept } }
                  - { at: mail, expect: { action: accept } }
                  - { name: c, at: mail, facts: { tls.active: yes }, expect: { action: maybe, code: x } }
                  - { name: d, script: "X: 220" }

                """, name: "tests.yaml")
        #expect(reading.file == nil)
        #expect(
            reading.findings.map(\.code).sorted() == [
                "E201", "E301", "E302", "E304", "E304", "E304", "E304", "E304",
            ])
    }

    @Test("JSON and JUnit hold the same results")
    func formats() throws {
        let report = try Self.run("  - { name: \"a <b> & \\\"c\\\"\", at: mail, expect: { action: accept } }\n")
        let junit = TestReport.junit([report])
        #expect(junit.contains("name=\"a &lt;b&gt; &amp; &quot;c&quot;\""))
        #expect(junit.contains("tests=\"1\" failures=\"1\""))
        let json = TestReport.json([report])
        #expect(json.contains("\"name\": \"a <b> & \\\"c\\\"\""))
        #expect(json.contains("\"passed\": 0, \"failed\": 1"))
    }

    @Test("an explanation shows every part of a condition with its value")
    func explanation() throws {
        let outcome = PolicyLoader().parse(text: Self.policy, name: "policy.yaml", directory: "/nowhere")
        var supposition = Supposition()
        supposition.stages = ["mail"]
        let (explanation, _) = Explanation.make(supposition, [try #require(outcome.policy)])
        let text = try #require(explanation).text()
        #expect(text.contains("✓ sample/tls: reject"))
        #expect(text.contains("✗ tls.active   [tls.active = false]"))
        #expect(text.contains("=> reject 530 5.7.0 TLS first (sample/tls)"))
        supposition.facts = [("tls.actve", "true")]
        #expect(Explanation.make(supposition, []).1 == "unknown field 'tls.actve'")
    }
}
