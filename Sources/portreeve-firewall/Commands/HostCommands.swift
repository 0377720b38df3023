import ArgumentParser
import Bytes
import FirewallPlan
import PolicyLanguage

/// `HOST [for 2h] [reason …]`.
struct HostArguments: ParsableArguments {
    @Argument(help: "An IPv4 address, or an IPv6 address or /64.")
    var host: String

    @Argument(parsing: .remaining, help: "How long and why: for 2h moving house, ticket 4711.")
    var words: [String] = []

    func validate() throws {
        if prefix == nil { throw ValidationError("'\(host)' is not an IPv4 host or an IPv6 /64.") }
        if words.first == "for", seconds == nil {
            throw ValidationError("'for' takes a duration, such as 30min, 2h or 7d.")
        }
    }

    /// An IPv6 address means the /64 that it is in.
    var prefix: AddressPrefix? {
        guard let prefix = AddressPrefix(host) else { return nil }
        if prefix.address.isV4 { return prefix.length == 32 ? prefix : nil }
        return prefix.length >= 64 ? AddressPrefix(prefix.address, bits: 64) : nil
    }

    /// Nil without an end.
    var seconds: UInt32? {
        guard words.first == "for", words.count > 1, let duration = Units.duration(words[1]) else { return nil }
        return UInt32(clamping: max(duration / 1_000_000_000, 1))
    }

    /// As long as a comment in the kernel may be.
    var reason: String {
        let text = (words.first == "for" ? words.dropFirst(2) : words[...]).joined(separator: " ")
        return String(decoding: text.utf8.prefix(Rule.longestComment), as: UTF8.self)
    }

    /// The host in a sentence.
    var shown: String { prefix.map { $0.address.isV4 ? "\($0.address)" : "\($0)" } ?? host }

    var until: String { seconds.map { " for \(Units.duration(UInt64($0) * 1_000_000_000))" } ?? "" }
}

struct AllowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allow", abstract: "Lets a host speak port 25 at once, for a time or until it is taken back.")

    @OptionGroup var host: HostArguments
    @OptionGroup var helper: HelperOptions

    @Flag(help: "JSON for scripts.")
    var json = false

    func run() throws {
        guard let prefix = host.prefix else { return }
        _ = try helper.ask(.allow(prefix, seconds: host.seconds, reason: host.reason))
        if json { return JSONText.print(["allowed": host.shown]) }
        Output.print("\(host.shown) may send\(host.until)")
    }
}

struct DenyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deny", abstract: "Refuses a host on port 25 at once, whatever the lists say.")

    @OptionGroup var host: HostArguments
    @OptionGroup var helper: HelperOptions

    @Flag(help: "JSON for scripts.")
    var json = false

    func run() throws {
        guard let prefix = host.prefix else { return }
        _ = try helper.ask(.deny(prefix, seconds: host.seconds, reason: host.reason))
        if json { return JSONText.print(["denied": host.shown]) }
        Output.print("\(host.shown) may not send\(host.until)")
    }
}

struct ForgetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget", abstract: "Takes back what 'allow', 'deny', a meter or a ban did to a host.")

    @OptionGroup var host: HostArguments
    @OptionGroup var helper: HelperOptions

    @Flag(help: "JSON for scripts.")
    var json = false

    func run() throws {
        guard let prefix = host.prefix else { return }
        var found: [String] = []
        for set in HostSet.allCases {
            switch try helper.answer(.forget(set, prefix)) {
            case .done: found.append("\(set)")
            case .refused(let refusal) where refusal.code == .state: continue
            case .refused(let refusal): throw HelperOptions.failed(refusal.message)
            default: throw HelperOptions.unexpected
            }
        }
        if json { return JSONText.print(["host": [host.shown], "removed_from": found]) }
        guard !found.isEmpty else { throw HelperOptions.failed("\(host.shown) was neither allowed nor refused") }
        Output.print("\(host.shown) is no longer \(found.joined(separator: ", "))")
    }
}
