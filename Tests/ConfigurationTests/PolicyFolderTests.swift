import Bytes
import Configuration
import Diagnostics
import FirewallPlan
import Foundation
import Policy
import PolicyLanguage
import Testing

/// Policy folders in a world of a few texts.
@Suite("Policy folders")
struct PolicyFolderTests {
    private static let relay = """
        version: 1
        policy: open
        rules:
          - { id: everybody, at: rcpt, action: accept }
        default: accept

        """

    private static func configuration(_ listener: String, domains: String = "[example.org]") -> String {
        """
        version: 1
        hostname: mail.example.org
        domains: \(domains)
        listeners:
          one: { \(listener) }
        backends:
          b: { servers: ["127.0.0.1:10025"], auth: relay }
        certificates:
          - { names: [mail.example.org], chain: fullchain.pem, key: privkey.pem }
        policies: [policies/site]

        """
    }

    private static func load(_ configuration: String, _ texts: [String: String]) -> LoadOutcome {
        var checks = Support.checks
        checks.policies = PolicyLoader(
            files: PolicyFiles { path, _ in texts[path].map { .bytes(Array($0.utf8)) } ?? .missing },
            today: Day(number: 20_700))
        return Configuration.parse(
            text: configuration, name: "portreeve.yaml", directory: "/etc/portreeve", checks: checks)
    }

    private static func codes(_ policy: String, _ listener: String) -> [String] {
        load(configuration(listener), ["/etc/portreeve/policies/site/policy.yaml": policy]).findings.map(\.code)
    }

    private static func policy(_ rules: String, _ rest: String = "") -> String {
        "version: 1\npolicy: site\nrules:\n\(rules)\(rest)default: accept\n"
    }

    private static let noRelay = """
          - { id: no-routing, at: rcpt, when: rcpt.has_routing, action: reject, reply: "554 5.7.1 No" }
          - { id: no-relay, at: rcpt, when: rcpt.domain not in lists.our_domains, action: reject, reply: "554 5.7.1 No" }
          - { id: tls, at: auth, when: not tls.active, action: reject, reply: "538 5.7.11 No" }

        """

    @Test("a listener names a folder's policy by the name in its file")
    func named() throws {
        let outcome = Self.load(
            Self.configuration("port: 25, backend: b, policies: [site]"),
            ["/etc/portreeve/policies/site/policy.yaml": Self.policy(Self.noRelay)])
        let plan = try #require(outcome.plan)
        #expect(plan.listeners[0].policies.map(\.policy.name) == ["site"])
        #expect(plan.policyFiles == ["/etc/portreeve/policies/site/policy.yaml"])
        #expect(plan.definitions(of: plan.listeners[0]).map(\.name) == ["site"])
    }

    @Test("findings of a policy stand among those of the configuration, with its own lines")
    func findings() {
        let outcome = Self.load(
            Self.configuration("port: 25, backend: b, policies: [site]"),
            [
                "/etc/portreeve/policies/site/policy.yaml": Self.policy(
                    "  - { id: a, at: mail, when: tls.actve, action: accept }\n")
            ])
        #expect(outcome.plan == nil)
        #expect(outcome.findings.map(\.code) == ["E201"])
        #expect(outcome.rendered().contains("policies/site/policy.yaml:4:30: error[E201]: unknown field 'tls.actve'"))
    }

    @Test("a folder without a policy is an error at the place that names it")
    func missing() {
        let outcome = Self.load(Self.configuration("port: 25, backend: b, policies: [site]"), [:])
        #expect(outcome.findings.map(\.code) == ["E520"])
        #expect(outcome.findings.first?.range.line == 10)
    }

    @Test("a listener that would relay for anybody is refused, unless a policy says that it is meant")
    func relay() {
        let open = Self.policy("  - { id: all, at: rcpt, action: accept }\n")
        let listener = "port: 25, backend: b, policies: [site], tls: none"
        #expect(Self.codes(open, listener).contains("E401"))
        let meant = Self.policy(
            "  - { id: all, at: rcpt, action: accept }\n",
            "allow_open_relay: \"I understand\"\nallow_cleartext_auth: \"I understand\"\n")
        #expect(Self.codes(meant, listener) == [])
    }

    @Test("a submission port that passes MAIL without a login is refused, unless a policy says that it is meant")
    func unauthenticated() {
        let listener = "port: 587, backend: b, policies: [site]"
        #expect(Self.codes(Self.policy(Self.noRelay), listener) == ["E402"])
        let meant = Self.policy(Self.noRelay, "allow_unauthenticated: \"I understand\"\n")
        #expect(Self.codes(meant, listener) == [])
    }

    @Test("AUTH without TLS is refused, unless a policy says that it is meant or TLS comes first")
    func cleartext() {
        let rules = """
              - { id: login, at: mail, when: not auth.ok, action: reject, reply: "530 5.7.0 Authentication required" }

            """
        #expect(Self.codes(Self.policy(rules), "port: 587, backend: b, policies: [site]") == ["E403"])
        #expect(Self.codes(Self.policy(rules), "port: 465, backend: b, policies: [site]") == [])
        let meant = Self.policy(rules, "allow_cleartext_auth: \"I understand\"\n")
        #expect(Self.codes(meant, "port: 587, backend: b, policies: [site]") == [])
    }

    @Test("policies read again under the same configuration tell whether anything changed")
    func fresh() throws {
        let path = "/etc/portreeve/policies/site/policy.yaml"
        let text = Self.configuration("port: 25, backend: b, policies: [site]")
        let before = try #require(Self.load(text, [path: Self.policy(Self.noRelay)]).plan)
        let same = try #require(Self.load(text, [path: Self.policy(Self.noRelay)]).plan)
        let changed = Self.policy(Self.noRelay + "  - { id: x, at: mail, when: tls.active, tag: tls }\n")
        let after = try #require(Self.load(text, [path: changed]).plan)
        #expect(before.hasSamePolicies(as: same))
        #expect(!before.hasSamePolicies(as: after))
    }
}

/// `firewall:` in a world of a few texts.
@Suite("Firewall")
struct FirewallKeyTests {
    private static func load(_ rest: String, _ policy: String) -> LoadOutcome {
        load(whole: Support.complete(rest), policy)
    }

    private static func load(whole text: String, _ policy: String) -> LoadOutcome {
        var checks = Support.checks
        checks.policies = PolicyLoader(
            files: PolicyFiles(read: { path, _ in
                path == "/etc/portreeve/policies/egress/policy.yaml" ? .bytes(Array(policy.utf8)) : .missing
            }), today: Day(number: 20_700))
        return Configuration.parse(
            text: text, name: "portreeve.yaml", directory: "/etc/portreeve", checks: checks)
    }

    private static func policy(_ mode: String) -> String {
        """
        version: 1
        policy: home
        kind: egress
        zones: { lan: { interfaces: [lan0], mode: \(mode) } }
        lists: { mail_hosts: { type: cidr, items: [192.0.2.10] } }

        """
    }

    @Test("the egress policy and what the rules take from the rest of the file")
    func settings() throws {
        let rest = "bans: { never: [192.0.2.0/24] }\nfirewall: { policy: policies/egress }\n"
        let plan = try #require(Self.load(rest, Self.policy("block")).plan)
        #expect(plan.firewall?.policy.policy.zones.map(\.name) == ["lan"])
        #expect(plan.firewall?.socket == "/run/portreeve-firewall/helper.sock")
        let site = plan.site(now: 7)
        #expect(site.now == 7 && site.gatewayPorts == [25])
        #expect(site.neverBanned.map(\.description) == ["192.0.2.0/24", "127.0.0.1/32"])
        let deployment = try #require(plan.deployment(now: 7))
        #expect(deployment.policy == "home")
        #expect(deployment.ruleset.set("gateway_ports")?.elements.map(\.key) == [[0, 25]])
    }

    @Test("a policy stands where its kind belongs")
    func kinds() {
        let asSessions = Self.load("policies: [policies/egress]\n", Self.policy("block"))
        #expect(asSessions.findings.map(\.code) == ["E509"])
        let sessions = "version: 1\npolicy: open\nrules: []\ndefault: accept\n"
        #expect(Self.load("firewall: { policy: policies/egress }\n", sessions).findings.map(\.code) == ["E509"])
        #expect(Self.load("firewall: { policy: policies/other }\n", sessions).findings.map(\.code) == ["E520"])
        #expect(Self.load("firewall: { }\n", sessions).findings.map(\.code) == ["E502"])
    }

    @Test("zones whose sessions somebody must answer need a listener", arguments: ["explain", "relay"])
    func interception(mode: String) {
        let outcome = Self.load("firewall: { policy: policies/egress }\n", Self.policy(mode))
        #expect(outcome.findings.map(\.code) == ["E509"])
        #expect(outcome.findings.first?.range.file == "policies/egress/policy.yaml")
    }

    private static let intercepting = """
        version: 1
        hostname: gateway.example.org
        listeners:
          egress: { intercept: true, policies: [inbound], explain: { url: "https://isp.example/25" } }
        firewall: { policy: policies/egress }

        """

    @Test("a gateway that only intercepts needs no backend, no certificate and no port")
    func interceptionAlone() throws {
        let outcome = Self.load(whole: Self.intercepting, Self.policy("explain"))
        #expect(outcome.findings.isEmpty, "\(outcome.rendered())")
        let plan = try #require(outcome.plan)
        let listener = try #require(plan.listeners.first)
        #expect(listener.intercepts && listener.backend == nil && listener.endpoints.isEmpty)
        #expect(listener.explanation?.lines.count == 3)
        #expect(listener.explanation?.lines.last == "https://isp.example/25")
        #expect(plan.firewall?.interceptedPurposes == [.explain])
        #expect(plan.site(now: 7).gatewayPorts.isEmpty)
    }

    @Test("a listener that no zone is intercepted for is a warning, and one without a firewall an error")
    func nothingIntercepted() {
        let outcome = Self.load(whole: Self.intercepting, Self.policy("block"))
        #expect(outcome.findings.map(\.code) == ["W512"] && outcome.plan != nil)
        let monitored = Self.load(whole: Self.intercepting, "mode: monitor\n" + Self.policy("relay"))
        #expect(monitored.plan?.firewall?.interceptedPurposes == [])
        let alone = Self.intercepting.replacingOccurrences(of: "firewall: { policy: policies/egress }\n", with: "")
        #expect(Self.load(whole: alone, Self.policy("relay")).findings.map(\.code) == ["E502"])
    }
}
