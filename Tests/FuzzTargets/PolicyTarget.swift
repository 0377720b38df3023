import Bytes
import Diagnostics
import Policy
import PolicyLanguage

/// policy.yaml: whatever the text, loading ends; without a policy there is an error; findings lie inside the text;
/// what compiles decides as the file says, and makes rules that a kernel takes.
enum PolicyTarget {
    private static let files = PolicyFiles { path, _ in
        path.hasSuffix(".txt") ? .bytes(Array("example.org\n10.0.0.0/8 until 2030-01-31\n# nobody\n".utf8)) : .missing
    }
    private static let loader = PolicyLoader(files: files, today: Day(number: 20_700))
    /// Octets of a text; more only costs time.
    private static let longest = 8192

    static func check(_ input: [UInt8]) throws(Complaint) {
        guard let text = String(validating: input.prefix(longest), as: UTF8.self) else { return }
        let outcome = loader.parse(text: text, name: "policy.yaml", directory: "/etc/portreeve/policies/fuzz")
        try checkFindings(outcome)
        try checkFormatter(text, loads: outcome.isLoaded)
        if let egress = outcome.egress { try EgressTarget.check(egress.policy) }
        guard let policy = outcome.policy else { return }
        _ = LoadGuard.findings(
            GuardedListener(name: "mx", port: 25, tls: .starttls, offersAuth: true, range: policy.nameRange),
            policies: [policy], ourDomains: ["example.org"])
        let definition = policy.definition(ourDomains: ["example.org", ".example.net"])
        try check(definition)
        try check(crowded(definition))
    }

    /// The same rules so often that they are worth an index, between others that seldom hold.
    private static func crowded(_ definition: PolicyDefinition) -> PolicyDefinition {
        var crowded = definition
        crowded.rules = definition.rules.prefix(40).flatMap { rule in
            var (never, again) = (rule, rule)
            never.id += "-never"
            never.when = Expression(
                .compare(.equal, .field(.clientPort), Expression(.literal(.int(Int64(rule.id.utf8.count))))))
            again.id += "-again"
            return [never, rule, again]
        }
        return crowded
    }

    /// One listener that asks one policy: its book against the reference, at every stage.
    static func check(_ definition: PolicyDefinition) throws(Complaint) {
        let realm = Array("example.org".utf8)
        let book = RuleBook([definition], realm: realm)
        try require(book.faults.isEmpty, "what was checked does not compile: \(book.faults)")
        let reference = PolicyReference(definition, realm: realm)
        for facts in FactSamples.all {
            for stage in Stage.allCases {
                let decision = book.decide(stage, facts)
                let expected = reference.decision(stage, facts)
                try require(
                    PolicyReference.Outcome(decision) == expected,
                    "at \(stage): \(PolicyReference.Outcome(decision)), not \(expected)")
            }
        }
    }

    private static func checkFindings(_ outcome: PolicyOutcome) throws(Complaint) {
        let hasError = outcome.findings.contains { $0.severity == .error }
        try require(outcome.isLoaded != hasError, "loaded: \(outcome.isLoaded), error: \(hasError)")
        for finding in outcome.findings {
            guard let source = outcome.sources.first(where: { $0.name == finding.range.file }) else { continue }
            let end = finding.range.offset + finding.range.length
            try require(end <= source.text.utf8.count, "a finding ends at \(end) of \(source.text.utf8.count) octets")
        }
        for format in FindingFormat.allCases { _ = outcome.rendered(as: format) }
    }

    /// What `fmt` writes loads as well as what it read, and `fmt` leaves it alone.
    private static func checkFormatter(_ text: String, loads: Bool) throws(Complaint) {
        let once = PolicyFormatter.format(text, name: "policy.yaml")
        guard loads, once.findings.isEmpty else { return }
        let again = PolicyFormatter.format(once.text, name: "policy.yaml")
        try require(again.text == once.text, "fmt changes what it wrote")
        let outcome = loader.parse(text: once.text, name: "policy.yaml", directory: "/etc/portreeve/policies/fuzz")
        try require(outcome.isLoaded, "fmt broke it: \(outcome.rendered())")
    }
}

extension PolicyOutcome {
    /// There is a policy, of either kind.
    fileprivate var isLoaded: Bool { policy != nil || egress != nil }
}

/// An expression: the first octet is the stage, the rest its text, put into a policy that has lists and limits.
enum ExpressionTarget {
    static func check(_ input: [UInt8]) throws(Complaint) {
        guard let first = input.first, let text = String(validating: input.dropFirst().prefix(2048), as: UTF8.self)
        else { return }
        let stage = Stage.allCases[Int(first) % Stage.allCases.count]
        try PolicyTarget.check(Array(policy(text, at: stage).utf8))
    }

    private static func policy(_ expression: String, at stage: Stage) -> String {
        """
        version: 1
        policy: fuzz
        lists:
          nets: { type: cidr, items: [10.0.0.0/8, "2001:db8::/32", 203.0.113.7] }
          names: { type: domain, items: [example.org, .example.net] }
          users: { type: address, items: [bob, alice@example.org] }
          words: { type: string, items: [PLAIN, Alice] }
          owners: { type: map, items: { alice@example.org: [bob, alice@example.org], example.com: [carol] } }
        limits:
          some: { key: client.net, rate: 10/h, burst: 5 }
        rules:
          - { id: tagged, at: \(stage.name), when: session.commands < 30, tag: seen }
          - id: asked
            at: \(stage.name)
            when: "\(quoted(expression))"
            action: drop
            reply: "421 4.7.0 Held"
          - id: excepted
            at: \(stage.name)
            when: client.port != 7
            unless: "\(quoted(expression))"
            action: drop
            reply: "421 4.7.0 Not excepted"
        default: accept

        """
    }

    /// Inside double quotes of YAML.
    private static func quoted(_ text: String) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var result: [UInt8] = []
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): result += [UInt8(ascii: "\\"), octet]
            case 0x0A: result += Array("\\n".utf8)
            case 0..<0x20, 0x7F:
                result += [UInt8(ascii: "\\"), UInt8(ascii: "x"), digits[Int(octet >> 4)], digits[Int(octet & 15)]]
            case _: result.append(octet)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
