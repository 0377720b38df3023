import Bytes
import Diagnostics
import Policy
import PolicyLanguage
import Testing

/// One policy in a few lines.
enum Sample {
    static let loader = PolicyLoader(files: PolicyFiles { _, _ in .missing }, today: Day(number: 20_700))

    static func load(_ text: String) -> PolicyOutcome {
        loader.parse(text: text, name: "policy.yaml", directory: "/nowhere")
    }

    /// A policy with one rule that rejects when `condition` holds at `stage`.
    static func rule(_ condition: String, at stage: String = "mail", head: String = "") -> PolicyOutcome {
        let code = stage == "connect" ? "554" : "550"
        return load(
            """
            version: 1
            policy: sample
            \(head)
            rules:
              - id: r
                at: \(stage)
                when: >-
                  \(condition)
                action: \(stage == "rcpt_reply" ? "drop" : "reject")
                reply: "\(code) 5.7.1 No"
            default: accept

            """)
    }

    /// Whether the condition holds of the facts; nil if it does not compile.
    static func holds(
        _ condition: String, at stage: Stage = .mail, head: String = "", domains: [String] = [], realm: String? = nil,
        _ change: (inout Facts) -> Void = { _ in }
    ) -> Bool? {
        guard let policy = rule(condition, at: stage.name, head: head).policy else { return nil }
        let book = RuleBook([policy.definition(ourDomains: domains)], realm: realm.map { Array($0.utf8) })
        guard book.faults.isEmpty else { return nil }
        var facts = facts()
        change(&facts)
        return book.decide(stage, facts).rule.rule == "r"
    }

    static func facts() -> Facts {
        let client = Endpoint(address: IPAddress("203.0.113.7") ?? IPAddress(v4: 0), port: 4711)
        let local = Endpoint(address: IPAddress("192.0.2.1") ?? IPAddress(v4: 0), port: 25)
        var facts = Facts(
            client: ClientFacts(endpoint: client, local: local), listener: ListenerFacts(name: "mx", port: 25))
        facts.sender = sender("alice", "example.org")
        facts.recipient = recipient("bob", "example.com")
        facts.recipients.asked = 1
        return facts
    }

    static func sender(_ local: String, _ domain: String, size: UInt64? = nil) -> SenderFacts {
        SenderFacts(
            local: Array(local.utf8), domain: Array(domain.utf8), size: size, isNull: local.isEmpty,
            usesSMTPUTF8: false)
    }

    static func recipient(_ local: String, _ domain: String, routing: Bool = false) -> RecipientFacts {
        RecipientFacts(local: Array(local.utf8), domain: Array(domain.utf8), hasRouting: routing)
    }
}
