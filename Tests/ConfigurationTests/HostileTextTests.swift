import Configuration
import Diagnostics
import Testing

/// A generator that gives the same numbers for the same seed (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite("Broken text")
struct HostileTextTests {
    /// Whatever the text, loading ends; without a plan there is an error, and all findings lie inside the text.
    private func check(_ text: String, _ name: String) {
        let outcome = Support.parse(text)
        #expect((outcome.plan == nil) == outcome.findings.contains { $0.severity == .error }, "\(name)")
        for finding in outcome.findings {
            #expect(finding.range.offset + finding.range.length <= text.utf8.count, "\(name)")
        }
        for format in FindingFormat.allCases { _ = outcome.rendered(as: format) }
    }

    @Test("A file cut anywhere is reported, never a crash")
    func truncated() {
        let text = Array(PlanTests.example.utf8)
        for count in stride(from: 0, to: text.count, by: 3) {
            check(String(decoding: text[..<count], as: UTF8.self), "cut at \(count)")
        }
    }

    @Test("A file with random damage is reported, never a crash", arguments: 0..<400 as Range<UInt64>)
    func mutated(seed: UInt64) {
        var random = Seeded(state: seed)
        var text = Array(PlanTests.example.unicodeScalars)
        let pieces = "&*!|>'\"%@`{}[],:?-#\t\r\n \u{0}\u{85}\u{2028}\u{FEFF}\u{E000}é日<~0\\".unicodeScalars.map { $0 }
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            let place = Int.random(in: 0..<text.count, using: &random)
            let piece = pieces.randomElement(using: &random) ?? " "
            switch Int.random(in: 0..<4, using: &random) {
            case 0: text[place] = piece
            case 1: text.insert(piece, at: place)
            case 2: text.removeSubrange(place..<min(place + 20, text.count))
            default:
                let end = min(place + Int.random(in: 1...60, using: &random), text.count)
                text.insert(contentsOf: text[place..<end], at: place)
            }
        }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: text)
        check(String(view), "seed \(seed)")
    }

    @Test("Nesting of every kind ends in a finding", arguments: ["[", "{a: ", "- ", "? ", "a:\n", "[{a: "])
    func nesting(opening: String) {
        for count in [10, 65, 500, 990, 20000] {
            check(String(repeating: opening, count: count), "\(count) times \(opening)")
        }
        let steps = (0..<400).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        check(steps, "steps")
    }

    @Test("Aliases cannot multiply: they are never resolved")
    func bomb() {
        var text = "a0: &a0 [x]\n"
        for level in 1...40 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1), *a\(level - 1)]\n" }
        text += "? *a40\n: x\n"
        let outcome = Support.parse(text)
        #expect(outcome.findings.count { $0.code == "E103" } == 41 + 40 * 3 + 1)
    }

    @Test("A hundred times the same key ends in findings")
    func duplicates() {
        let outcome = Support.parse(Support.complete(String(repeating: "user: a\n", count: 100)))
        #expect(outcome.findings.filter { $0.code == "E102" }.map(\.range.line).prefix(2) == [10, 11])
        #expect(outcome.plan == nil)
    }
}
