/// The kernel's evaluation of our rules, on packets that are described: what `firewall explain` and tests ask.
///
/// It runs the very expressions that the kernel gets, with sets that fill, elements that end and limits that refill.
public struct PacketFilter: Sendable {
    public private(set) var ruleset: Ruleset
    private var sets: [String: SetModel]
    private let chains: [String: Chain]
    /// The longest chain of jumps that the kernel takes.
    private static let deepest = 16

    public init(_ ruleset: Ruleset) {
        self.ruleset = ruleset
        sets = Dictionary(ruleset.sets.map { ($0.name, SetModel($0)) }) { first, _ in first }
        chains = Dictionary(ruleset.chains.map { ($0.name, $0) }) { first, _ in first }
    }

    /// Sends a packet through the chains of its hook, in the order of their priorities.
    ///
    /// `now` is in milliseconds, from any beginning, and never falls.
    public mutating func pass(_ packet: Packet, now: UInt64 = 0) -> PacketTrace {
        var walk = Walk(packet: packet, now: now)
        let hooked = ruleset.chains.filter { $0.base?.hook == packet.hook }
            .sorted { ($0.base?.priority ?? 0) < ($1.base?.priority ?? 0) }
        for chain in hooked where walk.trace.fate == .passes {
            walk.isDecided = false
            enter(chain, &walk, depth: 0)
        }
        return walk.trace
    }

    /// Puts a host into a set, as a command does.
    public mutating func insert(_ element: SetElement, into set: String, now: UInt64 = 0) {
        sets[set]?.insert(element.key, ends: element.timeout.map { now + $0 })
    }

    public func contains(_ key: [UInt8], in set: String, now: UInt64 = 0) -> Bool {
        sets[set]?.contains(key, now: now) ?? false
    }

    // MARK: Chains and rules

    fileprivate struct Walk {
        var packet: Packet
        let now: UInt64
        var trace = PacketTrace()
        var registers = [UInt8](repeating: 0, count: 64)
        /// Where `tproxy` sends it once the rule accepts.
        var divertedPort: UInt16?
        /// The hook's chain is over.
        var isDecided = false
    }

    private mutating func enter(_ chain: Chain, _ walk: inout Walk, depth: Int) {
        guard depth < Self.deepest else { return }
        for rule in chain.rules {
            let verdict = run(rule, &walk)
            let isMatched = verdict != .broken
            let step = PacketTrace.Step(chain: chain.name, rule: RuleText.text(rule), isMatched: isMatched)
            walk.trace.steps.append(step)
            switch verdict {
            case .broken, .finished: break
            case .jump(let name):
                if let next = chains[name] { enter(next, &walk, depth: depth + 1) }
                if walk.isDecided { return }
            case .goto(let name):
                if let next = chains[name] { enter(next, &walk, depth: depth + 1) }
                return
            case .return: return
            case .fate(let fate):
                walk.trace.fate = walk.divertedPort.map { .intercepted(port: $0) } ?? fate
                walk.trace.decidingStep = step
                walk.isDecided = true
                return
            }
        }
    }

    private enum RuleVerdict: Hashable {
        /// An expression did not match.
        case broken
        /// Every expression did, and none decided.
        case finished
        case jump(String)
        case goto(String)
        case `return`
        case fate(PacketFate)
    }

    private mutating func run(_ rule: Rule, _ walk: inout Walk) -> RuleVerdict {
        for expression in rule.expressions {
            switch expression {
            case .verdict(.accept): return .fate(.passes)
            case .verdict(.drop): return .fate(.dropped)
            case .verdict(.return): return .return
            case .verdict(.jump(let chain)): return .jump(chain)
            case .verdict(.goto(let chain)): return .goto(chain)
            case .reject(.tcpReset): return .fate(.reset)
            case .meta, .payload, .fib, .socketTransparent, .connectionState, .immediate, .bitwise:
                guard walk.load(expression) else { return .broken }
            case .setMeta(_, let register): walk.packet.mark = walk.number(register)
            case .compare(let register, let comparison, let value):
                guard (walk.read(register, value.count) == value) == (comparison == .equal) else { return .broken }
            case .lookup(let set, let register, let isInverted):
                guard let model = sets[set] else { return .broken }
                let key = walk.read(register, model.keyLength)
                guard model.contains(key, now: walk.now) != isInverted else { return .broken }
            case .dynset(let update):
                let key = walk.read(update.key, sets[update.set]?.keyLength ?? 0)
                guard sets[update.set]?.apply(update, key, now: walk.now) ?? false else { return .broken }
            case .counter(let name): walk.trace.counters.append(name)
            case .log(_, _, _, let prefix): LogPrefix(prefix).map { walk.trace.logs.append($0) }
            // Only elements of sets hold limits; as an expression of its own it has no state here.
            case .limit: break
            case .tproxy(_, _, let port):
                guard walk.packet.hasListener else { return .broken }
                walk.divertedPort = UInt16(walk.read(port, 2).reduce(0) { $0 << 8 | Int($1) })
            case .notrack: walk.trace.isUntracked = true
            }
        }
        return .finished
    }
}

extension PacketFilter.Walk {
    fileprivate func read(_ register: Register, _ count: Int) -> [UInt8] {
        let start = register.offset ?? 0
        return Array(registers[start..<min(start + count, registers.count)])
    }

    fileprivate func number(_ register: Register) -> UInt32 { UInt32(machineOctets: read(register, 4)) }

    private mutating func hold(_ value: [UInt8], in register: Register) {
        guard let start = register.offset, start + value.count <= registers.count else { return }
        registers.replaceSubrange(start..<start + value.count, with: value)
    }

    /// False if the packet has no such value.
    fileprivate mutating func load(_ expression: Expression) -> Bool {
        switch expression {
        case .meta(let key, let register):
            guard let value = value(of: key) else { return false }
            hold(value, in: register)
        case .payload(let base, let offset, let length, let register):
            guard let value = packet.payload(base, Int(offset), Int(length)) else { return false }
            hold(value, in: register)
        case .fib(.reverseInterface, let register): hold([packet.isSourceInPlace ? 1 : 0, 0, 0, 0], in: register)
        case .fib(.destinationType, let register):
            hold(UInt32(packet.isDestinationLocal ? 2 : 1).machineOctets, in: register)
        case .socketTransparent(let register):
            guard packet.hasTransparentSocket else { return false }
            hold([1], in: register)
        case .connectionState(let register):
            hold(UInt32(packet.flags == .syn ? 8 : 2).machineOctets, in: register)
        case .immediate(let register, let value): hold(value, in: register)
        case .bitwise(let from, let into, let mask, let xor):
            let value = zip(zip(read(from, mask.count), mask), xor).map { ($0.0 & $0.1) ^ $1 }
            hold(value, in: into)
        case .setMeta, .compare, .lookup, .verdict, .counter, .log, .limit, .dynset, .tproxy, .reject, .notrack:
            break
        }
        return true
    }

    private func value(of key: MetaKey) -> [UInt8]? {
        func name(_ text: String) -> [UInt8] {
            Array(text.utf8.prefix(16)) + [UInt8](repeating: 0, count: max(16 - text.utf8.count, 0))
        }
        return switch key {
        case .mark: packet.mark.machineOctets
        case .inputName: name(packet.inputInterface)
        case .outputName: name(packet.outputInterface)
        case .socketUID: packet.uid.map(\.machineOctets)
        case .nfproto: [packet.family.rawValue]
        case .l4proto: [packet.protocolNumber]
        }
    }
}
