/// The policies that need no file.
public enum BuiltInPolicy: String, CaseIterable, Sendable {
    case submission
    case inbound

    /// The policy, for a site whose own domains are `domains`.
    public func policy(ourDomains domains: List) -> PolicyDefinition {
        switch self {
        case .submission: .submission
        case .inbound: .inbound(ourDomains: domains)
        }
    }
}

extension PolicyDefinition {
    /// For 587, 465 and 2525: TLS first, login always (RFC 8314, RFC 6409).
    static let submission = PolicyDefinition(
        name: "submission",
        rules: [
            Rule(
                "tls-before-login", at: .auth, when: !.field(.tlsActive),
                .reject(
                    ReplyTemplate(538, "5.7.11 Encryption required for requested authentication mechanism"))),
            Rule(
                "tls-required", at: .mail, when: !.field(.tlsActive),
                .reject(ReplyTemplate(530, "5.7.0 Must issue a STARTTLS command first"))),
            Rule(
                "auth-required", at: .mail, when: !.field(.authOK),
                .reject(ReplyTemplate(530, "5.7.0 Authentication required"))),
        ],
        otherwise: .accept)

    /// For 25: mail for our own domains only, nobody logs in, nobody talks before the greeting.
    static func inbound(ourDomains: List) -> PolicyDefinition {
        let relayDenied = ReplyTemplate(554, "5.7.1 <{rcpt.address}>: Relay access denied")
        return PolicyDefinition(
            name: "inbound",
            lists: ["our_domains": ourDomains],
            rules: [
                Rule(
                    "early-talker", at: .connect, when: .field(.clientTalkedEarly),
                    .drop(ReplyTemplate(554, "5.5.1 Error: data sent before the greeting"))),
                Rule(
                    "no-login", at: .auth, .reject(ReplyTemplate(503, "5.5.1 Error: authentication not enabled"))),
                Rule("no-routing", at: .rcpt, when: .field(.rcptHasRouting), .reject(relayDenied)),
                Rule(
                    "no-relay", at: .rcpt,
                    when: !(.in(.rcptDomain, list: "our_domains") || .equal(.rcptDomain, .text(""))),
                    .reject(relayDenied)),
            ],
            otherwise: .accept)
    }
}
