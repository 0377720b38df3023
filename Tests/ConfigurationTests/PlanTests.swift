import Bytes
import Configuration
import Diagnostics
import Foundation
import Policy
import PolicyLanguage
import Testing

@Suite("The plan")
struct PlanTests {
    /// OPERATING's example, without the parts that this version does not have.
    static let example = """
        version: 1
        hostname: Mail.Example.org.
        domains: [example.org, .Example.NET.]
        user: _portreeve
        workers: 2
        listeners:
          mx:          { port: 25,   backend: mx,     policies: [inbound], protocol: { greet_wait: 3s } }
          submission:  { port: 587,  backend: submit, policies: [submission] }
          submissions: { port: 465,  backend: submit }
          alternate:   { bind: ["127.0.0.1:2525", "[::1]:2525"], backend: submit, policies: [submission, inbound] }
          held:        { socket: smtp, backend: mx, policies: [inbound], tls: none, proxy_from: [10.0.0.0/8],
                         proxy_required: true, tls_options: { min_version: TLS1.3 } }
        certificates:
          - { names: [mail.example.org, "*.Example.org"], chain: tls/./fullchain.pem, key: /keys/privkey.pem }
        tls: { min_version: TLS1.2, client_certificates: request, ca: ca.pem }
        backends:
          mx:     { servers: ["127.0.0.1:10025", "[2001:db8::1]:25"], identity: proxy-v2 }
          submit: { servers: ["localhost:10587"], identity: xclient, auth: relay, realm: example.org, max_sessions: 90 }
        state:     { store: memory }
        admin:     { socket: run/control.sock }
        log:       { format: json, to: logs/mail.log, ident: mta/smtpd }
        bans:      { never: [192.0.2.0/24, "2001:db8::1"] }
        protocol:
          max_line: 4096
          client_prefix: { ipv6: 56 }
        timeouts:
          client:  { command: 10min }
          backend: { end_of_data: 20min }

        """

    private func plan(_ text: String) throws -> RunPlan {
        let outcome = Support.parse(text)
        #expect(outcome.rendered() == "")
        return try #require(outcome.plan)
    }

    @Test("Names are lower-cased and lose their final dot")
    func names() throws {
        let plan = try plan(Self.example)
        #expect(plan.hostname == "mail.example.org")
        #expect(plan.domains.map(\.description) == ["example.org", ".example.net"])
        #expect(plan.certificates.map(\.names) == [["mail.example.org", "*.example.org"]])
    }

    @Test("A suffix means what is below a domain and not the domain itself")
    func suffix() {
        let below = DomainPattern(name: "example.net", isSuffix: true)
        let exact = DomainPattern(name: "example.net", isSuffix: false)
        #expect(["a.example.net", "example.net", "xexample.net"].map(below.matches) == [true, false, false])
        #expect(["a.example.net", "example.net", "xexample.net"].map(exact.matches) == [false, true, false])
    }

    @Test("Every path is absolute, relative ones below the file's directory")
    func paths() throws {
        let plan = try plan(Self.example)
        let certificate = try #require(plan.certificates.first)
        #expect(certificate.chain.path == "/etc/portreeve/tls/fullchain.pem")
        #expect(certificate.key.path == "/keys/privkey.pem")
        #expect(plan.tlsOptions.ca?.path == "/etc/portreeve/ca.pem")
        #expect(plan.admin.socket.path == "/etc/portreeve/run/control.sock")
        guard case .file(let log) = plan.log.destination else {
            Issue.record("the log is no file")
            return
        }
        #expect(log.path == "/etc/portreeve/logs/mail.log")
        #expect("\(certificate.chain.range)" == "portreeve.yaml:14:58")
    }

    @Test("A port binds both families; its number decides TLS and policy")
    func listeners() throws {
        let plan = try plan(Self.example)
        #expect(plan.listeners.map(\.name) == ["mx", "submission", "submissions", "alternate", "held"])
        #expect(plan.listeners.map(\.tls) == [.starttls, .starttls, .implicit, .starttls, .none])
        #expect(plan.listeners[0].endpoints.map(\.endpoint.description) == ["0.0.0.0:25", "[::]:25"])
        #expect(plan.listeners[3].endpoints.map(\.endpoint.description) == ["127.0.0.1:2525", "[::1]:2525"])
        #expect(plan.listeners[4].endpoints.isEmpty)
        #expect(
            plan.listeners.map { $0.policies.map(\.policy.name) }
                == [["inbound"], ["submission"], ["submission"], ["submission", "inbound"], ["inbound"]])
        #expect(plan.listeners[4].proxyFrom.map(\.description) == ["10.0.0.0/8"])
        #expect(plan.listeners[4].proxyRequired)
    }

    @Test(
        "The ports 25, 465, 587 and 2525 have a policy without naming it",
        arguments: [
            (25, "inbound", TLSMode.starttls), (465, "submission", .implicit), (587, "submission", .starttls),
            (2525, "submission", .starttls),
        ])
    func defaultPolicy(port: Int, policy: String, tls: TLSMode) throws {
        let text = Support.complete().replacingOccurrences(of: "port: 25", with: "port: \(port)")
        let listener = try #require(try plan(text).listeners.first)
        #expect(listener.policies.map(\.policy.name) == [policy])
        #expect(listener.tls == tls)
    }

    @Test("A listener overrides single keys of protocol and tls, the rest comes from the top level")
    func overrides() throws {
        let plan = try plan(Self.example)
        #expect(plan.listeners[0].protocolLimits.greetWait == 3_000_000_000)
        #expect(plan.listeners[1].protocolLimits.greetWait == 0)
        #expect(plan.listeners.map(\.protocolLimits.maxLine) == Array(repeating: 4096, count: 5))
        #expect(plan.listeners[0].protocolLimits.clientPrefixV6 == 56)
        #expect(plan.listeners[0].protocolLimits.clientPrefixV4 == 32)
        #expect(plan.listeners.map(\.tlsOptions.minVersion) == [.tls12, .tls12, .tls12, .tls12, .tls13])
        #expect(plan.listeners[4].tlsOptions.clientCertificates == .request)
        #expect(plan.listeners[0].timeouts.client.command == 600_000_000_000)
        #expect(plan.listeners[0].timeouts.backend.endOfData == 1_200_000_000_000)
        #expect(plan.listeners[0].timeouts.backend.reply == 300_000_000_000)
    }

    @Test("A backend has its servers, identity, logins and bounds")
    func backends() throws {
        let plan = try plan(Self.example)
        let mx = try #require(plan.backend(named: "mx"))
        let submit = try #require(plan.backend(named: "submit"))
        #expect(mx.servers.map(\.description) == ["127.0.0.1:10025", "[2001:db8::1]:25"])
        #expect(submit.servers.map(\.host) == [.name("localhost")])
        #expect([mx.identity, submit.identity] == [.proxyV2, .xclient])
        #expect([mx.auth, submit.auth] == [.none, .relay])
        #expect(mx.maxSessions == 100 && submit.maxSessions == 90)
        #expect(submit.realm == "example.org")
    }

    @Test("What is left out has its default")
    func defaults() throws {
        let plan = try plan(Support.complete())
        #expect(plan.workers == 0)
        #expect(plan.user == "_portreeve")
        #expect(plan.domains.isEmpty && plan.neverBanned.isEmpty)
        #expect(plan.log.format == .postfix && plan.log.destination == .stderr)
        #expect(plan.log.ident == "postfix-portreeve/smtpd")
        #expect(plan.admin.socket.path == "/run/portreeve/control.sock")
        #expect(plan.protocolLimits == ProtocolLimits())
        #expect(plan.timeouts == Timeouts())
        #expect(plan.tlsOptions == TLSOptions())
    }

    @Test("The hash changes with the text and with nothing else")
    func hash() throws {
        let first = try plan(Support.complete()).hash
        #expect(first == (try plan(Support.complete()).hash))
        #expect(first != (try plan(Support.complete("# \n")).hash))
        #expect(first.count == 16)
    }

    @Test("Warnings alone do not keep a file from loading")
    func warnings() throws {
        let text = Support.complete().replacingOccurrences(of: "proxy-v2", with: "none")
        let outcome = Support.parse(text)
        #expect(outcome.findings.map(\.code) == ["W510"])
        #expect(outcome.plan != nil)
        #expect(outcome.rendered().hasSuffix("portreeve: 1 warning in 1 file.\n"))
    }

    @Test("Quotes, comments, block style and a byte order mark change nothing")
    func spellings() throws {
        let block = """
            \u{FEFF}# a comment: with { brackets
            "version": '1'
            hostname: "mail.example.org"   # don't stumble
            listeners:
              mx:
                port: 25
                backend: 'mx'
            certificates:
            - names:
              - mail.example.org
              chain: fullchain.pem
              key: "privkey.pem"
            backends:
              mx:
                servers:
                  - 127.0.0.1:10025
                identity: proxy-v2
            """
        let a = try plan(block)
        let b = try plan(Support.complete())
        let c = try plan(block.replacingOccurrences(of: "\n", with: "\r\n"))
        #expect(a.hostname == b.hostname && a.hostname == c.hostname)
        #expect(a.backends.map(\.servers.first?.host) == b.backends.map(\.servers.first?.host))
        #expect(a.certificates.map(\.chain.path) == c.certificates.map(\.chain.path))
    }
}
