import Bytes
import Glibc
import SMTPWire

/// What the demonstration prints.
struct DemoText: Sendable {
    let base: UInt16
    let place: DemoPlace
    /// How the program was called.
    var program = "portreeve"
    let hasColours: Bool

    /// Colours go to terminals only, and not where NO_COLOR or TERM=dumb forbid them.
    static var terminalHasColours: Bool {
        func value(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
        return isatty(STDOUT_FILENO) == 1 && value("NO_COLOR").isEmpty && value("TERM") != "dumb"
    }

    /// What runs where.
    var head: String {
        var lines = ["Portreeve stands between these ports and a mail sink on loopback:"]
        for port in DemoPort.allCases {
            lines.append("  127.0.0.1:\(port.number(base))  \(Self.padded(port.name, 11))  \(port.meaning)")
        }
        return lines.joined(separator: "\n") + "\n\n"
    }

    func table(_ results: [DemoResult], _ decisions: DecisionLookup) -> String {
        let titles = results.map(\.session.title)
        let deciders = results.map { result in
            guard let port = result.clientPort, let reply = result.reply else { return "-" }
            return decisions.decider(of: port, code: reply.code)
        }
        let widths = (Self.width(titles + ["THE CLIENT"]), Self.width(deciders + ["DECIDED BY"]))
        var text = row("PORT", "THE CLIENT", "DECIDED BY", "THE REPLY", widths)
        for (result, decider) in zip(results, deciders) {
            let port = "\(result.session.port.number(base))"
            text += row(port, result.session.title, decider, Self.printable(result, coloured: hasColours), widths)
        }
        let surprises = results.count { !$0.isAsExpected }
        if surprises > 0 { text += "\n\(surprises) of \(results.count) sessions did not go as they should.\n" }
        return text + "\n"
    }

    /// What to type.
    var advice: String {
        func at(_ port: DemoPort) -> String { "127.0.0.1:\(port.number(base))" }
        let login = "--auth PLAIN --auth-user \(DemoPlace.user.name) --auth-password \(DemoPlace.user.password)"
        let sender = "--from alice@\(DemoPlace.domain)"
        return """
            Try it:
              swaks --server \(at(.submission)) --tls \(login) \(sender) --to bob@elsewhere.example
              swaks --server \(at(.submissions)) --tlsc \(login) \(sender) --to bob@elsewhere.example
              swaks --server \(at(.inbound)) --from stranger@elsewhere.example --to alice@\(DemoPlace.domain)
              swaks --server \(at(.inbound)) --from stranger@elsewhere.example --to victim@elsewhere.example
              openssl s_client -connect \(at(.submission)) -starttls smtp -crlf -quiet
              openssl s_client -connect \(at(.submissions)) -crlf -quiet
              \(program) status --socket \(place.socket)

            Messages:      \(place.mail)
            Decisions:     \(place.log)
            Configuration: \(place.configuration)
            Serving until Ctrl-C.

            """
    }
}

// MARK: Columns

extension DemoText {
    private func row(_ port: String, _ title: String, _ decider: String, _ reply: String, _ widths: (Int, Int))
        -> String
    {
        let cells = [Self.padded(port, 5), Self.padded(title, widths.0), Self.padded(decider, widths.1), reply]
        return cells.joined(separator: "  ") + "\n"
    }

    private static func width(_ cells: [String]) -> Int {
        cells.map(\.count).max() ?? 0
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// The last line of the reply, green or red, and what went wrong.
    private static func printable(_ result: DemoResult, coloured: Bool) -> String {
        var text = result.reply.map { "\($0.code) " + ascii($0.lines.last ?? []) } ?? "no reply"
        if coloured, let code = result.reply?.code { text = "\u{1B}[\(code < 400 ? 32 : 31)m\(text)\u{1B}[0m" }
        if let failure = result.failure { text += " (\(failure))" }
        return result.isAsExpected ? text : text + "  <- expected \(result.session.expected)"
    }

    private static func ascii(_ text: [UInt8]) -> String {
        String(decoding: text.map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self)
    }
}
