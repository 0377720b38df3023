import Diagnostics
import Testing

@Suite("Places and suggestions")
struct SourceTests {
    @Test("Every offset, even outside the text, has a place")
    func places() {
        let source = SourceFile(name: "f", text: "ab\r\ncd\n\né")
        let places = [-5, 0, 1, 4, 6, 7, 8, 99].map { source.range(at: $0).description }
        #expect(places == ["f:1:1", "f:1:1", "f:1:2", "f:2:1", "f:2:3", "f:3:1", "f:4:1", "f:4:2"])
        #expect(source.lineCount == 4)
        #expect([0, 1, 2, 3, 4, 5].map { source.line($0) } == [nil, "ab", "cd", "", "é", nil])
    }

    @Test("A range never leaves the line in which it begins")
    func oneLine() {
        let source = SourceFile(name: "f", text: "abc\ndef")
        let range = source.range(at: 1, length: 100)
        #expect(range.length == 2 && range.width == 2)
        #expect(source.range(at: 4, length: .max).length == 3)
        #expect(source.range(at: 7, length: .max).width == 0)
    }

    @Test("Findings are sorted by file, place, code; the same one counts once")
    func collector() {
        let source = SourceFile(name: "b", text: "xx")
        var collector = FindingCollector()
        let late = Finding(.warning, "W1", at: source.range(at: 1), "late")
        let early = Finding(.warning, "W1", at: source.range(at: 0), "early")
        let other = Finding(.warning, "W9", at: .file("a"), "other")
        [late, early, other, late].forEach { collector.add($0) }
        #expect(collector.sorted == [other, early, late])
        #expect(!collector.hasErrors)
        collector.add(Finding(.error, "E1", at: .file("z"), "e"))
        #expect(collector.hasErrors)
    }

    @Test(
        "A slip finds its word, a stranger finds none",
        arguments: [
            ("listners", "listeners"), ("lisetners", "listeners"), ("BACKENDS", "backends"), ("bckends", "backends"),
            ("tls.verison", "tls.version"), ("zzz", nil), ("", nil), ("x", nil),
        ] as [(String, String?)])
    func suggestions(typed: String, meant: String?) {
        let known = ["listeners", "backends", "tls", "tls.version", "ca"]
        #expect(Suggestion.nearest(to: typed, in: known) == meant)
    }

    @Test("A word of a megabyte costs nothing")
    func longWord() {
        #expect(Suggestion.nearest(to: String(repeating: "x", count: 1 << 20), in: ["x"]) == nil)
    }
}
