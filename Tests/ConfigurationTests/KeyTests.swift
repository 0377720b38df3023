import Configuration
import Diagnostics
import Foundation
import Policy
import PolicyLanguage
import Testing

@Suite("The table of keys")
struct KeyTests {
    /// The numbers of the contract, written out again.
    static let contract: [(path: String, text: String)] = [
        ("workers", "0"), ("user", "_portreeve"), ("state.store", "memory"), ("log.format", "postfix"),
        ("log.to", "stderr"), ("log.ident", "postfix-portreeve/smtpd"), ("admin.socket", "/run/portreeve/control.sock"),
        ("tls.min_version", "TLS1.2"), ("tls.client_certificates", "none"), ("backends.NAME.verify", "true"),
        ("protocol.bare_newline", "reject"), ("protocol.max_line", "2048"), ("protocol.max_auth_line", "12288"),
        ("protocol.max_message_size", "50MB"), ("protocol.max_size_excess", "1MB"), ("protocol.max_recipients", "1000"),
        ("protocol.max_messages", "100"), ("protocol.max_errors", "10"), ("protocol.max_junk", "100"),
        ("protocol.max_sessions", "10000"), ("protocol.max_sessions_per_client", "20"),
        ("protocol.connection_rate", "60/min"), ("protocol.client_prefix.ipv4", "32"),
        ("protocol.client_prefix.ipv6", "64"), ("protocol.greet_wait", "0s"), ("protocol.chunking", "true"),
        ("protocol.auth_fail_delay", "1s"), ("protocol.min_data_rate", "500"), ("protocol.data_grace", "30s"),
        ("protocol.drain", "30s"), ("timeouts.client.command", "5min"), ("timeouts.client.command_deadline", "30s"),
        ("timeouts.client.data_block", "3min"), ("timeouts.client.tls_handshake", "10s"),
        ("timeouts.client.proxy_header", "5s"), ("timeouts.backend.connect", "10s"),
        ("timeouts.backend.greeting", "30s"), ("timeouts.backend.reply", "5min"),
        ("timeouts.backend.data_block", "3min"), ("timeouts.backend.end_of_data", "10min"),
    ]

    @Test("Every default is that of the contract", arguments: contract.indices)
    func defaults(index: Int) {
        let row = Self.contract[index]
        #expect(ConfigurationKeys.all.first { $0.path == row.path }?.defaultText == row.text)
    }

    @Test("No key stands twice in the table, and each has a meaning")
    func unique() {
        let paths = ConfigurationKeys.all.map(\.path)
        #expect(Set(paths).count == paths.count)
        #expect(ConfigurationKeys.all.allSatisfy { !$0.meaning.isEmpty && !$0.type.isEmpty })
    }

    @Test("The numbers behind the texts are nanoseconds and octets")
    func numbers() {
        let limits = ProtocolLimits()
        let timeouts = Timeouts()
        #expect(limits.maxMessageSize == 52_428_800)
        #expect(limits.connectionRate == ProtocolLimits.Rate(count: 60, period: 60_000_000_000))
        #expect(limits.drain == 30_000_000_000)
        #expect(timeouts.backend.endOfData == 600_000_000_000)
        #expect(timeouts.client.command == 300_000_000_000)
    }

    /// The defaults of one section as its YAML.
    private func written(_ section: String) -> String {
        let rows = ConfigurationKeys.keys(of: section).compactMap { key in key.defaultText.map { "\(key.name): \($0)" }
        }
        return "{ " + rows.joined(separator: ", ") + " }"
    }

    @Test("Writing every default out changes nothing")
    func roundTrip() throws {
        let sections = ["tls", "state", "admin", "log", "bans", "protocol"].map { "\($0): \(written($0))\n" }
        let timeouts = "timeouts: { client: \(written("timeouts.client")), backend: \(written("timeouts.backend")) }\n"
        let prefix = "client_prefix: \(written("protocol.client_prefix")), bare_newline"
        let text = (sections.joined() + timeouts).replacingOccurrences(of: "bare_newline", with: prefix)
        let outcome = Support.parse(Support.complete(text))
        #expect(outcome.rendered() == "")
        let plan = try #require(outcome.plan)
        let bare = try #require(Support.parse(Support.complete()).plan)
        #expect(plan.protocolLimits == bare.protocolLimits && plan.timeouts == bare.timeouts)
        #expect(plan.tlsOptions == bare.tlsOptions && plan.neverBanned == bare.neverBanned)
        #expect(plan.log == bare.log && plan.admin.socket.path == bare.admin.socket.path)
    }

    @Test("Writing the defaults of listeners, backends and the process out changes nothing either")
    func roundTripOfEntries() throws {
        func rows(_ section: String) -> String {
            ConfigurationKeys.keys(of: section).compactMap { key in
                guard let text = key.defaultText, !text.contains(" ") || text.hasPrefix("[") else { return nil }
                return text == "the system's" ? nil : ", \(key.name): \(text)"
            }.joined()
        }
        let bare = Support.complete().replacing(", identity: proxy-v2", with: "")
        let full = bare.replacing("10025\"]", with: "10025\"]" + rows("backends.NAME"))
            .replacing("backend: mx }", with: "backend: mx\(rows("listeners.NAME")) }")
        let process = "user: _portreeve\nworkers: 0\ndomains: []\n"
        #expect(full.contains("max_sessions: 100") && full.contains("proxy_from: []"))
        let outcome = Support.parse(full + process)
        #expect(outcome.rendered() == "")
        #expect(try #require(outcome.plan) == #require(Support.parse(bare).plan))
    }

    @Test("Each key of protocol and timeouts moves exactly its own field")
    func everyKeyCounts() throws {
        let changed = [
            "protocol": [
                "bare_newline": "policy", "connection_rate": "7/h", "chunking": "false", "max_message_size": "3MB",
                "max_size_excess": "3MB", "client_prefix": "{ ipv4: 24 }",
            ]
        ]
        var seen: Set<String> = []
        for section in ["protocol", "timeouts.client", "timeouts.backend"] {
            for key in ConfigurationKeys.keys(of: section) {
                let isDuration = key.type.hasPrefix("duration")
                let value = changed[section]?[key.name] ?? (isDuration ? "7s" : "777")
                let path = section.split(separator: ".")
                let text =
                    path.map { "\($0): { " }.joined() + "\(key.name): \(value)"
                    + String(repeating: " }", count: path.count) + "\n"
                let outcome = Support.parse(Support.complete(text))
                #expect(outcome.rendered() == "")
                let plan = try #require(outcome.plan)
                seen.insert("\(plan.protocolLimits) \(plan.timeouts)")
            }
        }
        let unchanged = "\(ProtocolLimits()) \(Timeouts())"
        #expect(!seen.contains(unchanged))
        #expect(seen.count == 19 + 5 + 5)
    }

    @Test("docs/CONFIGURATION.md is what the table says")
    func document() throws {
        let file = Support.root.appendingPathComponent("docs/CONFIGURATION.md")
        if ProcessInfo.processInfo.environment["PORTREEVE_RECORD"] != nil {
            try ConfigurationKeys.document.write(to: file, atomically: true, encoding: .utf8)
            Issue.record("recorded docs/CONFIGURATION.md; run again")
            return
        }
        #expect((try? Support.text(file)) == ConfigurationKeys.document)
    }
}
