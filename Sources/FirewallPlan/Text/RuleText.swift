internal import Bytes

/// A rule's text from its expressions: follows what each register holds, as nft's own listing does.
///
/// Works for every rule of our expressions, so what was read back from the kernel is shown in the same words.
struct RuleText {
    private var parts: [String] = []
    /// What each register holds, by its place among the octets.
    private var held: [Int: Operand] = [:]
    /// A protocol that the next match may imply.
    private var pending: Dependency?
    private var transport: UInt8?
    private var family: Family?

    /// What a register holds, in nft's words.
    fileprivate struct Operand {
        var text: String
        var kind: Kind
        var length: Int

        enum Kind {
            case address, port, flags, interface, mark, uid, family, protocolNumber, fibPresence, fibType, socket
            case state, data
        }
    }

    private enum Dependency {
        case family(Family)
        case transport(UInt8)
    }

    static func text(_ rule: Rule) -> String {
        var text = RuleText()
        for expression in rule.expressions { text.add(expression) }
        text.settle()
        let comment = rule.comment.isEmpty ? [] : ["comment \(NftText.quoted(rule.comment))"]
        return (text.parts + comment).joined(separator: " ")
    }

    // MARK: Expressions

    private mutating func add(_ expression: Expression) {
        switch expression {
        case .meta(let key, let register): hold(key.operand, in: register)
        case .payload(let base, let offset, let length, let register):
            hold(payload(base, offset, length), in: register)
        case .socketTransparent(let register):
            hold(Operand(text: "socket transparent", kind: .socket, length: 1), in: register)
        case .connectionState(let register): hold(Operand(text: "ct state", kind: .state, length: 4), in: register)
        case .fib(.reverseInterface, let register):
            hold(Operand(text: "fib saddr . iif oif", kind: .fibPresence, length: 4), in: register)
        case .fib(.destinationType, let register):
            hold(Operand(text: "fib daddr type", kind: .fibType, length: 4), in: register)
        case .immediate(let register, let value): hold(Self.constant(value), in: register)
        case .bitwise(let from, let into, let mask, let xor): combine(from, into, mask, xor)
        case .compare(let register, let comparison, let value): compare(register, comparison, value)
        case .lookup(let set, let register, let isInverted):
            say("\(key(register)) \(isInverted ? "!= " : "")@\(set)")
        case .dynset(let update): say(dynamic(update))
        case .setMeta(let key, let register): say("meta \(key.word) set \(self[register].text)")
        case .tproxy(let family, let address, let port):
            let to = family == .ipv4 ? self[address].text : "[\(self[address].text)]"
            require(.family(family))
            // nft wants the protocol in the rule itself.
            settle()
            parts.append("tproxy \(family == .ipv4 ? "ip" : "ip6") to \(to):\(self[port].text)")
        case .counter(let name): say("counter name \(name)")
        case .log(let group, let snapLength, let threshold, let prefix):
            let queue = threshold == 0 ? "" : " queue-threshold \(threshold)"
            say("log prefix \(NftText.quoted(prefix)) group \(group) snaplen \(snapLength)\(queue)")
        case .limit(let limit): say(Self.limit(limit))
        case .reject:
            require(.transport(6))
            parts.append("reject with tcp reset")
        case .notrack: say("notrack")
        case .verdict(let verdict): say(Self.word(verdict))
        }
    }

    // MARK: Registers

    private mutating func hold(_ operand: Operand, in register: Register) {
        if let offset = register.offset { held[offset] = operand }
    }

    private subscript(register: Register) -> Operand {
        register.offset.flatMap { held[$0] } ?? Operand(text: "0", kind: .data, length: 4)
    }

    /// What a lookup takes: one value, or those that follow each other without a gap.
    private func key(_ register: Register) -> String {
        guard let first = register.offset, let operand = held[first] else { return "0" }
        let second = first + (operand.length + 3) / 4 * 4
        // A concatenation is loaded on purpose; what an earlier match left further on is no address.
        if operand.kind == .address, let next = held[second], next.kind == .address, next.length == operand.length {
            return "\(operand.text) . \(next.text)"
        }
        return operand.text
    }

    private mutating func payload(_ base: PayloadBase, _ offset: UInt32, _ length: UInt32) -> Operand {
        switch (base, offset, length) {
        case (.network, 12, 4): return address("ip saddr", .ipv4)
        case (.network, 16, 4): return address("ip daddr", .ipv4)
        case (.network, 8, 16): return address("ip6 saddr", .ipv6)
        case (.network, 24, 16): return address("ip6 daddr", .ipv6)
        case (.transport, 0, 2):
            require(.transport(6))
            return Operand(text: "tcp sport", kind: .port, length: 2)
        case (.transport, 2, 2):
            require(.transport(6))
            return Operand(text: "tcp dport", kind: .port, length: 2)
        case (.transport, 13, 1):
            require(.transport(6))
            return Operand(text: "tcp flags", kind: .flags, length: 1)
        default:
            let name = base == .link ? "ll" : base == .network ? "nh" : "th"
            return Operand(text: "@\(name),\(offset * 8),\(length * 8)", kind: .data, length: Int(length))
        }
    }

    private mutating func address(_ text: String, _ family: Family) -> Operand {
        require(.family(family))
        return Operand(text: text, kind: .address, length: family.bits / 8)
    }

    private mutating func combine(_ from: Register, _ into: Register, _ mask: [UInt8], _ xor: [UInt8]) {
        var operand = self[from]
        switch operand.kind {
        case .address: operand.text += " & \(IPAddress(octets: mask).map(\.description) ?? "")"
        case .flags: operand.text += " & \(Self.flagWords(mask.first ?? 0, joined: " | ", grouped: true))"
        default: operand.text += " & 0x\(hex(UInt32(machineOctets: mask.padded), digits: 8))"
        }
        if xor.contains(where: { $0 != 0 }) {
            operand.text += " ^ 0x\(hex(UInt32(machineOctets: xor.padded), digits: 8))"
        }
        hold(operand, in: into)
    }

    // MARK: Dependencies

    /// Says a protocol that the match at hand does not imply.
    private mutating func require(_ needed: Dependency) {
        switch (pending, needed) {
        case (.family(let known), .family(let wanted)) where known == wanted: pending = nil
        case (.transport(let known), .transport(let wanted)) where known == wanted: pending = nil
        default: settle()
        }
        switch needed {
        case .family(let family): self.family = family
        case .transport(let number): transport = number
        }
    }

    private mutating func settle() {
        switch pending {
        case nil: break
        case .family(let family): parts.append("meta nfproto \(family.word)")
        case .transport(let number): parts.append("meta l4proto \(Self.protocolWord(number))")
        }
        pending = nil
    }

    private mutating func say(_ text: String) {
        settle()
        parts.append(text)
    }

    // MARK: Matches and statements

    private mutating func compare(_ register: Register, _ comparison: Comparison, _ value: [UInt8]) {
        let operand = self[register]
        let sign = comparison == .equal ? "" : "!= "
        let number = value.first ?? 0
        switch operand.kind {
        case .family:
            guard comparison == .equal, let family = Family(rawValue: number) else {
                return say("meta nfproto != \(number)")
            }
            settle()
            pending = .family(family)
        case .protocolNumber:
            guard comparison == .equal else { return say("meta l4proto != \(Self.protocolWord(number))") }
            settle()
            pending = .transport(number)
        case .flags:
            let equal = comparison == .equal ? "==" : "!="
            say("\(operand.text) \(equal) \(Self.flagWords(number, joined: " | ", grouped: false))")
        case .interface: say("\(operand.text) \(sign)\(Self.interface(value))")
        case .fibPresence: say("\(operand.text) \((number == 0) == (comparison == .equal) ? "missing" : "exists")")
        case .fibType: say("\(operand.text) \(sign)\(UInt32(machineOctets: value.padded) == 2 ? "local" : "unicast")")
        case .port: say("\(operand.text) \(sign)\(value.reduce(0) { $0 << 8 | Int($1) })")
        case .address: say("\(operand.text) \(sign)\(IPAddress(octets: value).map(\.description) ?? "")")
        case .mark:
            say(
                "\(operand.text) \(comparison == .equal ? "==" : "!=") 0x\(hex(UInt32(machineOctets: value.padded), digits: 8))"
            )
        case .socket: say("\(operand.text) \(sign)\(number)")
        case .state: say("\(operand.text) \(sign)0x\(hex(UInt32(machineOctets: value.padded), digits: 1))")
        case .uid, .data: say("\(operand.text) \(sign)\(UInt32(machineOctets: value.padded))")
        }
    }

    private func dynamic(_ update: DynamicUpdate) -> String {
        var inside = key(update.key)
        if update.timeout != 0 { inside += " timeout \(NftText.duration(update.timeout))" }
        switch update.statement {
        case nil: break
        case .counter: inside += " counter"
        case .limit(let limit): inside += " " + Self.limit(limit)
        }
        return "\(update.operation == .add ? "add" : "update") @\(update.set) { \(inside) }"
    }

    private static func limit(_ limit: Limit) -> String {
        "limit rate \(limit.isOver ? "over " : "")\(limit.rate)/\(limit.unitWord) burst \(limit.burst) packets"
    }

    private static func word(_ verdict: Verdict) -> String {
        switch verdict {
        case .accept: "accept"
        case .drop: "drop"
        case .return: "return"
        case .jump(let chain): "jump \(chain)"
        case .goto(let chain): "goto \(chain)"
        }
    }

    private static func constant(_ value: [UInt8]) -> Operand {
        if let address = IPAddress(octets: value) {
            return Operand(text: "\(address)", kind: .data, length: value.count)
        }
        return Operand(text: "\(value.reduce(0) { $0 << 8 | Int($1) })", kind: .data, length: value.count)
    }

    private static func interface(_ value: [UInt8]) -> String {
        let name = String(decoding: value.prefix { $0 != 0 }, as: UTF8.self)
        return "\"\(name)\(value.count < 16 ? "*" : "")\""
    }

    private static func flagWords(_ flags: UInt8, joined separator: String, grouped: Bool) -> String {
        let names: [(UInt8, String)] = [(1, "fin"), (2, "syn"), (4, "rst"), (8, "psh"), (16, "ack"), (32, "urg")]
        let words = names.filter { flags & $0.0 != 0 }.map(\.1).joined(separator: separator)
        return grouped ? "(\(words))" : words
    }

    private static func protocolWord(_ number: UInt8) -> String {
        switch number {
        case 1: "icmp"
        case 6: "tcp"
        case 58: "icmpv6"
        default: "\(number)"
        }
    }
}

extension Family {
    /// nft's word.
    var word: String {
        switch self {
        case .ipv4: "ipv4"
        case .ipv6: "ipv6"
        }
    }
}

extension MetaKey {
    fileprivate var operand: RuleText.Operand {
        switch self {
        case .mark: .init(text: "meta mark", kind: .mark, length: 4)
        case .inputName: .init(text: "iifname", kind: .interface, length: 16)
        case .outputName: .init(text: "oifname", kind: .interface, length: 16)
        case .socketUID: .init(text: "meta skuid", kind: .uid, length: 4)
        case .nfproto: .init(text: "meta nfproto", kind: .family, length: 1)
        case .l4proto: .init(text: "meta l4proto", kind: .protocolNumber, length: 1)
        }
    }
}

extension [UInt8] {
    /// Four octets for a number of the machine's.
    fileprivate var padded: [UInt8] { self.prefix(4) + [UInt8](repeating: 0, count: Swift.max(4 - count, 0)) }
}
