import Diagnostics
import Testing

@Suite("Printed findings")
struct RendererTests {
    /// The example of the policy contract.
    static let source = SourceFile(
        name: "policy.yaml",
        text:
            "rules:\n  - id: weak\n    when: tls.active and tls.verison < TLS1.2\n    reply: \"450 4.7.1 Try later\"\n")

    private func finding(_ text: String, in source: SourceFile = source, _ message: String) throws -> Finding {
        let start = try #require(source.text.firstRange(of: text)?.lowerBound)
        let offset = source.text.utf8.distance(from: source.text.startIndex, to: start)
        return Finding(.error, "E201", at: source.range(at: offset, length: text.utf8.count), message)
    }

    private func print(_ findings: [Finding], _ source: SourceFile = source, as format: FindingFormat = .text) -> String
    {
        FindingRenderer(sources: [source]).render(findings, as: format)
    }

    @Test("The password of a URL is shown in no form", arguments: FindingFormat.allCases)
    func passwords(format: FindingFormat) throws {
        let url = "redis://joe:s3cret@10.0.0.5:6379/0"
        let source = SourceFile(name: "portreeve.yaml", text: "state: { store: \"\(url)\", servres: [a@b] }\n")
        let printed = print(
            [try finding(url, in: source, "'\(url)' and redis://:s3cret@x, but redis://[USER:PASSWORD@]HOST")], source,
            as: format)
        #expect(!printed.contains("s3cret"))
        #expect(
            printed.contains(
                "redis://joe:******@10.0.0.5:6379/0' and redis://:******@x, but redis://[USER:PASSWORD@]HOST"))
        if format == .text {
            #expect(printed.contains("store: \"redis://joe:******@10.0.0.5:6379/0\", servres: [a@b]"))
        }
    }

    @Test("The text form is that of the contract")
    func text() throws {
        var field = try finding("tls.verison", "unknown field 'tls.verison'")
        field.hint = "did you mean 'tls.version'?"
        field.notes = ["fields of 'tls' at stage 'mail': active cipher"]
        let reply = try finding("\"450", "action 'reject' needs a 5xx reply, found 450")
        #expect(
            print([field, reply]) == """
                policy.yaml:3:26: error[E201]: unknown field 'tls.verison'
                    3 |     when: tls.active and tls.verison < TLS1.2
                      |                          ^~~~~~~~~~~ did you mean 'tls.version'?
                      = fields of 'tls' at stage 'mail': active cipher
                policy.yaml:4:12: error[E201]: action 'reject' needs a 5xx reply, found 450
                    4 |     reply: "450 4.7.1 Try later"
                      |            ^~~~
                portreeve: 2 errors in 1 file. Not loaded.

                """)
    }

    @Test("The last line counts errors, warnings and files")
    func summary() throws {
        let error = try finding("weak", "x")
        var warning = error
        warning.severity = .warning
        var elsewhere = warning
        elsewhere.range = .file("other.yaml")
        #expect(FindingRenderer.summary([error]) == "portreeve: 1 error in 1 file. Not loaded.")
        #expect(FindingRenderer.summary([warning, elsewhere]) == "portreeve: 2 warnings in 2 files.")
        #expect(
            FindingRenderer.summary([error, warning, elsewhere])
                == "portreeve: 1 error and 2 warnings in 2 files. Not loaded.")
        #expect(print([]) == "")
    }

    @Test("Columns count characters; carets stand under tabs and wide characters")
    func columns() throws {
        let source = SourceFile(name: "f", text: "a:\t日本 e\u{301} 👩‍👩‍👧 word\n")
        let found = try finding("word", in: source, "m")
        #expect(found.range.column == 11)
        let lines = print([found], source).split(separator: "\n")
        #expect(lines[1] == "    1 | a:\t日本 e\u{301} 👩‍👩‍👧 word")
        #expect(lines[2] == "      |   \t          ^~~~")
    }

    @Test("Nothing from a file can move the cursor")
    func harmless() throws {
        let source = SourceFile(name: "f", text: "a: \u{1B}[31mred\u{202E}\n")
        let found = try finding("red", in: source, "bad '\u{1B}[2J\u{7}'")
        let printed = print([found], source)
        #expect(!printed.unicodeScalars.contains { $0.value == 0x1B || $0.value == 7 || $0.value == 0x202E })
        #expect(printed.hasPrefix("f:1:9: error[E201]: bad '\u{FFFD}[2J\u{FFFD}'\n"))
    }

    @Test("A finding in a file that was not read has no excerpt")
    func withoutSource() {
        let found = Finding(.error, "E520", at: .file("gone.yaml"), "no such file", hint: "look again")
        #expect(
            print([found]) == """
                gone.yaml:1:1: error[E520]: no such file
                      = look again
                portreeve: 1 error in 1 file. Not loaded.

                """)
    }

    @Test("A line of many thousand characters is cut")
    func longLine() throws {
        let source = SourceFile(name: "f", text: String(repeating: "x", count: 50000))
        let near = Finding(.error, "E1", at: source.range(at: 10, length: 40000), "m")
        let far = Finding(.error, "E1", at: source.range(at: 49000, length: 5), "m")
        #expect(print([near], source).count < 700)
        #expect(print([far], source).split(separator: "\n").count == 2)
    }

    @Test("JSON escapes what it must and holds every part")
    func json() throws {
        var found = try finding("weak", "a \"b\" \\ \n\u{1}")
        found.hint = "h"
        found.notes = ["n1", "n2"]
        #expect(
            print([found], as: .json) == """
                {"errors":1,"warnings":0,"findings":[
                  {"file":"policy.yaml","line":2,"column":9,"width":4,"offset":15,"length":4,"severity":"error",\
                "code":"E201","message":"a \\"b\\" \\\\ \\n\\u0001","hint":"h","notes":["n1","n2"]}]}

                """)
        #expect(print([], as: .json) == "{\"errors\":0,\"warnings\":0,\"findings\":[]}\n")
    }

    @Test("GitHub's form escapes per cent, line ends and separators")
    func github() throws {
        var found = try finding("weak", "100% wrong\nreally")
        found.hint = "h: x"
        found.range = SourceRange(file: "a:b,c", offset: 0, length: 4, line: 2, column: 9, width: 4)
        #expect(
            print([found], as: .github)
                == "::error file=a%3Ab%2Cc,line=2,col=9,endColumn=12,title=E201::100%25 wrong%0Areally%0Ah: x\n")
    }
}
