import Foundation

/// Who decided a session, read from the daemon's own decision log (`log.format: json`).
struct DecisionLookup {
    private let records: [[String: Any]]

    init(log: String) {
        records = log.split(separator: "\n").compactMap { line in
            (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
        }
    }

    /// Whether the end of the session from `port` is in the log.
    func hasEnd(of port: UInt16) -> Bool {
        records(of: port).contains { $0["event.action"] as? String == "session-end" }
    }

    /// The rule that refused, or who else gave the reply with `code`.
    func decider(of port: UInt16, code: UInt16) -> String {
        let records = records(of: port)
        func last(_ actions: String...) -> [String: Any]? {
            records.last { actions.contains($0["event.action"] as? String ?? "") }
        }
        if code >= 400, let rule = last("refused")?["rule.name"] as? String { return rule }
        if code >= 400, last("protocol-violation") != nil { return "protocol" }
        if let answer = last("backend-refused", "login", "message"),
            (answer["smtp.reply.code"] as? NSNumber)?.uint16Value == code
        {
            return "the mail server"
        }
        return "protocol"
    }

    private func records(of port: UInt16) -> [[String: Any]] {
        records.filter { ($0["source.port"] as? NSNumber)?.uint16Value == port }
    }
}
