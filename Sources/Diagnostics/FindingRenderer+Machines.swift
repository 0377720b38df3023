/// The forms that programs read: JSON (RFC 8259) and GitHub's workflow commands.
extension FindingRenderer {
    /// `{"findings":[…],"errors":1,"warnings":0}`, one finding a line.
    static func json(_ findings: [Finding]) -> String {
        let errors = findings.count { $0.severity == .error }
        let rows = findings.map { "\n  " + json($0) }.joined(separator: ",")
        return "{\"errors\":\(errors),\"warnings\":\(findings.count - errors),\"findings\":[\(rows)]}\n"
    }

    private static func json(_ finding: Finding) -> String {
        let range = finding.range
        var members = [
            "\"file\":\(quoted(range.file))", "\"line\":\(range.line)", "\"column\":\(range.column)",
            "\"width\":\(range.width)", "\"offset\":\(range.offset)", "\"length\":\(range.length)",
            "\"severity\":\(quoted(finding.severity.rawValue))", "\"code\":\(quoted(finding.code))",
            "\"message\":\(quoted(finding.message))",
        ]
        if let hint = finding.hint { members.append("\"hint\":\(quoted(hint))") }
        if !finding.notes.isEmpty {
            members.append("\"notes\":[\(finding.notes.map(quoted).joined(separator: ","))]")
        }
        return "{\(members.joined(separator: ","))}"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// `::error file=F,line=L,col=C,title=CODE::message`, with the hint and the notes on lines of their own.
    static func github(_ finding: Finding) -> String {
        let range = finding.range
        let place = "file=\(escaped(range.file, ":,")),line=\(range.line),col=\(range.column)"
        let end = range.width > 1 ? ",endColumn=\(range.column + range.width - 1)" : ""
        let body = ([finding.message] + (finding.hint.map { [$0] } ?? []) + finding.notes).joined(separator: "\n")
        return "::\(finding.severity.rawValue) \(place)\(end),title=\(finding.code)::\(escaped(body, ""))\n"
    }

    /// Percent, line ends and, in properties, the separators are written `%XX`.
    private static func escaped(_ text: String, _ separators: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if "%\r\n".unicodeScalars.contains(scalar) || separators.unicodeScalars.contains(scalar) {
                let digits = String(scalar.value, radix: 16, uppercase: true)
                result += "%" + (digits.count < 2 ? "0" : "") + digits
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
