import Bytes
import FirewallPlan
import Glibc
import Testing

@testable import FirewallHelper

/// Whole policies in a real kernel, beside the texts that are compared without one.
@Suite("Egress policies in the kernel", .enabled(if: Namespace.isAvailable, "needs root: no network namespace here"))
struct EgressTests {
    /// One zone of each mode, IPv4 and IPv6, with everything that makes rules.
    static let policy: EgressPolicy = {
        var policy = EgressPolicy(name: "everything")
        policy.zones = EgressPolicy.Zone.Mode.allCases.enumerated().compactMap { index, mode in
            InterfacePattern(index % 2 == 0 ? "lan\(index)" : "ppp\(index)*").map {
                EgressPolicy.Zone(name: mode.rawValue, interfaces: [$0], mode: mode)
            }
        }
        policy.mailHosts = ["198.51.100.10", "198.51.100.64/26", "2001:db8:25::/64"].compactMap(AddressPrefix.init)
        policy.relays = ["198.51.100.25", "2001:db8:1::25"].compactMap(AddressPrefix.init)
        policy.exemptions = ["10.0.0.7", "2001:db8:7::/64"].compactMap(AddressPrefix.init).map {
            EgressPolicy.Exemption(host: $0, until: 1_900_000_000, reason: "moving their mail server")
        }
        policy.local = EgressPolicy.Local(uids: [0, 33], isBlocking: true)
        return policy
    }()

    static let site = Site(
        now: 1_800_000_000, gatewayPorts: [25, 587], gatewayUID: 65534,
        neverBanned: ["192.0.2.0/24"].compactMap(AddressPrefix.init))

    @Test func `A policy with every mode is taken, and again changes nothing`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            let wanted = Self.policy.ruleset(at: Self.site)
            #expect(try link.features() == Set(KernelFeature.allCases))
            _ = try link.apply(wanted)
            #expect(try link.apply(wanted) == [])
        }
    }

    @Test func `nft reads the kernel's rules as the text that the plan prints`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            let wanted = Self.policy.ruleset(at: Self.site)
            _ = try link.apply(wanted)
            let shown = Self.rules(of: try nft("--debug=netlink -a list ruleset"))
            for chain in wanted.chains {
                let planned = chain.rules.map { Self.words(Bytecode.text($0, chain: chain.name)) }
                #expect(shown[chain.name, default: []] == planned)
            }
        }
    }

    @Test func `What export prints loads with nft and makes the same rules`() throws {
        let wanted = Self.policy.ruleset(at: Self.site)
        try Namespace.run {
            let file = "/tmp/portreeve-export-\(getpid()).nft"
            let stream = try #require(fopen(file, "w"))
            fputs(NftText.file(wanted), stream)
            fclose(stream)
            defer { unlink(file) }
            _ = try nft("-f \(file)")
            let observed = try #require(try NetfilterLink().readTable())
            for chain in wanted.chains {
                let read = try #require(observed.ruleset.chain(chain.name)).rules
                #expect(read.map { Bytecode.text($0, chain: "") } == chain.rules.map { Bytecode.text($0, chain: "") })
                #expect(read.map(\.comment) == chain.rules.map(\.comment))
            }
        }
    }

    @Test func `A change of lists changes elements only`() throws {
        try Namespace.run {
            let link = try NetfilterLink()
            var policy = Self.policy
            _ = try link.apply(policy.ruleset(at: Self.site))
            policy.mailHosts.removeFirst()
            let operations = try link.apply(policy.ruleset(at: Self.site))
            #expect(!operations.isEmpty)
            for operation in operations {
                switch operation {
                case .addElements, .deleteElements: break
                default: Issue.record("\(operation.label)")
                }
            }
        }
    }

    /// The expressions of each rule in the listing, by chain; nft prints one expression a line in brackets.
    private static func rules(of listing: String) -> [String: [String]] {
        var rules: [String: [String]] = [:]
        var chain = ""
        var expressions: [String] = []
        for line in listing.split(separator: "\n", omittingEmptySubsequences: false) {
            let text = line.trimmingPrefix(while: { $0 == " " || $0 == "\t" })
            if text.hasPrefix("["), text.hasSuffix("]") {
                expressions.append(asPlanned(text))
                continue
            }
            if !expressions.isEmpty { rules[chain, default: []].append(words(expressions.joined(separator: " "))) }
            expressions = []
            // "inet portreeve forward 12": the rule that follows belongs to this chain.
            let parts = text.split(separator: " ")
            if parts.count >= 3, parts[0] == "inet", parts[1] == "portreeve" { chain = String(parts[2]) }
        }
        if !expressions.isEmpty { rules[chain, default: []].append(words(expressions.joined(separator: " "))) }
        return rules
    }

    /// Read back, two attributes are shown with the value that stands for their absence.
    private static func asPlanned(_ line: Substring) -> String {
        let parts = line.split(separator: " ").map(String.init)
        let isPlainLookup = parts.count > 2 && parts[1] == "lookup" && parts[parts.count - 2] == "0x0"
        let kept = isPlainLookup ? parts.dropLast(2) + ["]"] : parts
        return kept.joined(separator: " ").split(separator: " timeout 0ms", maxSplits: 1).joined()
    }

    /// What stands in brackets, with single spaces.
    private static func words(_ text: String) -> String {
        let lines = text.split(separator: "\n").map { $0.trimmingPrefix(while: { $0 == " " || $0 == "\t" }) }
        return lines.filter { $0.hasPrefix("[") }.joined(separator: " ").split(separator: " ").joined(separator: " ")
    }
}
