internal import Diagnostics

extension TestReport {
    /// One JSON object with all policies, their tests and rules that were not reached.
    public static func json(_ reports: [TestReport]) -> String {
        let policies = reports.map { report in
            let tests = report.results.map { result in
                var members = ["\"name\": \(quoted(result.name))", "\"passed\": \(result.failure == nil)"]
                if let failure = result.failure {
                    members.append("\"expected\": [\(failure.expected.map(quoted).joined(separator: ", "))]")
                    members.append("\"got\": [\(failure.got.map(quoted).joined(separator: ", "))]")
                    members.append("\"place\": \(quoted("\(result.range)"))")
                }
                return "{\(members.joined(separator: ", "))}"
            }
            let members = [
                "\"policy\": \(quoted(report.policy))", "\"passed\": \(report.results.count - report.failures.count)",
                "\"failed\": \(report.failures.count)", "\"coverage\": \(report.coverage)",
                "\"unreached\": [\(report.unreached.map(quoted).joined(separator: ", "))]",
                "\"tests\": [\(tests.joined(separator: ", "))]",
            ]
            return "{\(members.joined(separator: ", "))}"
        }
        return "{\"policies\": [\(policies.joined(separator: ", "))]}\n"
    }

    /// JUnit's XML, which build servers show.
    public static func junit(_ reports: [TestReport]) -> String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
        for report in reports {
            text += "  <testsuite name=\"\(escaped(report.policy))\" tests=\"\(report.results.count)\""
            text += " failures=\"\(report.failures.count)\">\n"
            for result in report.results {
                text += "    <testcase classname=\"\(escaped(report.policy))\" name=\"\(escaped(result.name))\""
                guard let failure = result.failure else {
                    text += "/>\n"
                    continue
                }
                let message =
                    "expected \(failure.expected.joined(separator: ", ")), got \(failure.got.joined(separator: ", "))"
                text += "><failure message=\"\(escaped(message))\">\(escaped("\(result.range)"))</failure></testcase>\n"
            }
            text += "  </testsuite>\n"
        }
        return text + "</testsuites>\n"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            case _: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case _ where character.unicodeScalars.allSatisfy { $0.value >= 0x20 }: result.append(character)
            case _: result += " "
            }
        }
        return result
    }
}
