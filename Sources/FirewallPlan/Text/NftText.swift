internal import Bytes

/// A rule set as text that `nft -f` loads, and that compiles to the same bytecode.
public enum NftText {
    /// What `export` prints: our table made anew, whatever was in it before.
    ///
    /// The empty declaration lets the deletion succeed where there is no table yet; all of it is one transaction.
    public static func file(_ ruleset: Ruleset, heading: [String] = []) -> String {
        let name = ruleset.table.name
        let replaced = ["table inet \(name) { }", "delete table inet \(name)"]
        return (heading.map { "# \($0)" } + replaced + [table(ruleset)]).joined(separator: "\n") + "\n"
    }

    /// The declaration of the table and everything in it.
    public static func table(_ ruleset: Ruleset) -> String {
        let parts =
            ruleset.counters.map { "\tcounter \($0) { }" } + ruleset.sets.map(set) + ruleset.chains.map(chain)
        return "table inet \(ruleset.table.name) {\n" + parts.joined(separator: "\n") + "\n}"
    }

    static func set(_ set: NamedSet) -> String {
        var lines = ["\tset \(set.name) {", "\t\ttype \(set.key.fields.map(\.name).joined(separator: " . "))"]
        let flags = set.flags.words
        if !flags.isEmpty { lines.append("\t\tflags \(flags.joined(separator: ","))") }
        if let timeout = set.timeout { lines.append("\t\ttimeout \(duration(timeout))") }
        if let size = set.size { lines.append("\t\tsize \(size)") }
        if !set.comment.isEmpty { lines.append("\t\tcomment \(quoted(set.comment))") }
        if !set.elements.isEmpty {
            let elements = set.elements.map { element($0, set.key) }
            lines.append("\t\telements = { " + elements.joined(separator: ",\n\t\t\t     ") + " }")
        }
        return (lines + ["\t}"]).joined(separator: "\n")
    }

    static func chain(_ chain: Chain) -> String {
        var lines = ["\tchain \(chain.name) {"]
        if let base = chain.base { lines.append("\t\t" + declaration(base)) }
        lines += chain.rules.map { "\t\t" + RuleText.text($0) }
        return (lines + ["\t}"]).joined(separator: "\n")
    }

    static func declaration(_ base: BaseChain) -> String {
        "type \(BaseChain.type) hook \(base.hook.word) priority \(base.priority); policy accept;"
    }

    static func element(_ element: SetElement, _ key: KeyType) -> String {
        var text = value(element.key, key)
        if let last = element.last { text = interval(element.key, last, key) }
        if let timeout = element.timeout { text += " timeout \(duration(timeout))" }
        if let expiration = element.expiration { text += " expires \(duration(expiration))" }
        return element.comment.isEmpty ? text : text + " comment \(quoted(element.comment))"
    }

    /// A block in CIDR notation where the interval is one.
    private static func interval(_ first: [UInt8], _ last: [UInt8], _ key: KeyType) -> String {
        guard first != last else { return value(first, key) }
        if let start = IPAddress(octets: first), let end = IPAddress(octets: last) {
            for length in 0..<start.family.bits {
                guard let block = AddressPrefix(start, length: length) else { continue }
                if block.address == start, block.lastAddress == end { return "\(block)" }
            }
        }
        return "\(value(first, key))-\(value(last, key))"
    }

    /// A key of a set, as nft writes such values.
    static func value(_ octets: [UInt8], _ key: KeyType) -> String {
        var rest = octets[...]
        return key.fields.map { field in
            let part = Array(rest.prefix(field.length))
            rest = rest.dropFirst((field.length + 3) / 4 * 4)
            return value(part, field)
        }.joined(separator: " . ")
    }

    private static func value(_ octets: [UInt8], _ field: KeyType.Field) -> String {
        switch field {
        case .ipv4Address, .ipv6Address: IPAddress(octets: octets).map(\.nftText) ?? ""
        case .etherAddress: octets.map { hex(UInt32($0), digits: 2) }.joined(separator: ":")
        case .inetService: "\(octets.reduce(0) { $0 << 8 | Int($1) })"
        case .uid: "\(UInt32(machineOctets: octets))"
        }
    }

    /// Milliseconds in nft's units: `1d2h3m4s5ms`.
    static func duration(_ milliseconds: UInt64) -> String {
        let units: [(String, UInt64)] = [
            ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
        ]
        var rest = milliseconds
        var text = ""
        for (name, length) in units where rest >= length {
            text += "\(rest / length)\(name)"
            rest %= length
        }
        return text.isEmpty ? "0s" : text
    }

    /// A quoted text; nft knows no escapes, so what would end it is replaced.
    static func quoted(_ text: String) -> String {
        let plain = text.unicodeScalars.map { scalar -> Character in
            scalar == "\"" || scalar.value < 0x20 || scalar.value == 0x7F ? "'" : Character(scalar)
        }
        return "\"\(String(plain))\""
    }
}

extension IPAddress {
    /// nft would not know a v4-mapped address from an IPv4 one, and none is ever written.
    fileprivate var nftText: String { description }
}

extension BaseChain.Hook {
    /// nft's word.
    public var word: String {
        switch self {
        case .prerouting: "prerouting"
        case .input: "input"
        case .forward: "forward"
        case .output: "output"
        }
    }
}

extension NamedSet.Flags {
    /// nft's words.
    fileprivate var words: [String] {
        [(.interval, "interval"), (.dynamic, "dynamic"), (.timeout, "timeout")]
            .compactMap { (flag: NamedSet.Flags, word) in contains(flag) ? word : nil }
    }
}
