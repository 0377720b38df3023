internal import Diagnostics

extension TestReport {
    /// Reports as people read them: failures with expected and got side by side, then one line for each policy.
    public static func text(_ reports: [TestReport], showsCoverage: Bool) -> String {
        reports.map { $0.text(showsCoverage) }.joined()
    }

    private func text(_ showsCoverage: Bool) -> String {
        var result = failures.map(Self.text).joined()
        let passed = results.count - failures.count
        result += "portreeve: \(policy): \(passed) passed, \(failures.count) failed"
        if showsCoverage {
            result += ", \(coverage) % of \(rules.count) rules reached"
        }
        result += "\n"
        if showsCoverage, !unreached.isEmpty { result += "  not reached: \(unreached.joined(separator: " "))\n" }
        return result
    }

    private static func text(_ result: TestResult) -> String {
        guard let failure = result.failure else { return "" }
        let place = failure.place.map { " (\($0))" } ?? ""
        var text = "\(result.range): FAILED: \(result.name)\(place)\n"
        let width = min(60, (failure.expected + ["expected"]).map(\.count).max() ?? 0)
        text += "  \(padded("expected", width))  got\n"
        for index in 0..<max(failure.expected.count, failure.got.count) {
            let expected = index < failure.expected.count ? failure.expected[index] : ""
            let got = index < failure.got.count ? failure.got[index] : ""
            text += "  \(padded(expected, width))  \(got)\n"
        }
        if let note = failure.note { text += "  = \(note)\n" }
        return text
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
