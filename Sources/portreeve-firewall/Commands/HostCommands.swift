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

/// What the commands about one host have in common.
struct HostOptions: ParsableArguments {
    @OptionGroup var host: HostArguments
    @OptionGroup var helper: HelperOptions

    @Flag(help: "JSON for scripts.")
    var json = false

    /// Puts the host into a set and says so; `set` is the word for it.
    func enter(
        _ set: HostSet, _ verb: String, _ request: (AddressPrefix, UInt32?, String) -> HelperRequest
    ) throws {
        guard let prefix = host.prefix else { return }
        _ = try helper.ask(request(prefix, host.seconds, host.reason))
        if json {
            JSONText.print(Entry(host: host.shown, set: "\(set)", seconds: host.seconds, reason: host.reason))
        } else {
            Output.print("\(host.shown) \(verb)\(host.until)")
        }
    }

    private struct Entry: Encodable {
        let host, set: String
        let seconds: UInt32?
        let reason: String
    }
}

struct AllowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allow", abstract: "Lets a host speak port 25 at once, for a time or until it is taken back.")

    @OptionGroup var options: HostOptions

    func run() throws {
        try options.enter(.allowed, "may send") { .allow($0, seconds: $1, reason: $2) }
    }
}

struct DenyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deny", abstract: "Refuses a host on port 25 at once, whatever the lists say.")

    @OptionGroup var options: HostOptions

    func run() throws {
        try options.enter(.denied, "may not send") { .deny($0, seconds: $1, reason: $2) }
    }
}

struct ForgetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget", abstract: "Takes back what 'allow', 'deny', a meter or a ban did to a host.")

    @OptionGroup var options: HostOptions

    func run() throws {
        let host = options.host
        guard let prefix = host.prefix else { return }
        var found: [String] = []
        for set in HostSet.allCases {
            switch try options.helper.answer(.forget(set, prefix)) {
            case .done: found.append("\(set)")
            case .refused(let refusal) where refusal.code == .state: continue
            case .refused(let refusal): throw HelperOptions.failed(refusal.message)
            default: throw HelperOptions.unexpected
            }
        }
        if options.json { JSONText.print(Removal(host: host.shown, removedFrom: found)) }
        guard !found.isEmpty else { throw HelperOptions.failed("\(host.shown) was neither allowed nor refused") }
        if !options.json { Output.print("\(host.shown) is no longer \(found.joined(separator: ", "))") }
    }

    private struct Removal: Encodable {
        let host: String
        let removedFrom: [String]
    }
}
