/// Writes a rule as nft would compile it: each match with what it depends on, that once in a rule.
struct RuleBuilder {
    private var expressions: [Expression] = []
    private var isTCP = false
    private var family: Family?

    func rule(_ comment: String = "") -> Rule {
        Rule(expressions, comment: String(comment.prefix(Rule.longestComment)))
    }

    func adding(_ more: Expression...) -> RuleBuilder {
        var copy = self
        copy.expressions += more
        return copy
    }

    // MARK: Protocols

    private static let tcpNumber: UInt8 = 6

    func tcp() -> RuleBuilder {
        if isTCP { return self }
        var copy = adding(.meta(.l4proto, into: .r1), .compare(.r1, .equal, [Self.tcpNumber]))
        copy.isTCP = true
        return copy
    }

    func protocolNumber(_ number: UInt8) -> RuleBuilder {
        adding(.meta(.l4proto, into: .r1), .compare(.r1, .equal, [number]))
    }

    func notTCP() -> RuleBuilder {
        adding(.meta(.l4proto, into: .r1), .compare(.r1, .notEqual, [Self.tcpNumber]))
    }

    func of(_ family: Family) -> RuleBuilder {
        if self.family == family { return self }
        var copy = adding(.meta(.nfproto, into: .r1), .compare(.r1, .equal, [family.rawValue]))
        copy.family = family
        return copy
    }

    // MARK: Ports and flags

    func sourcePort(_ port: UInt16) -> RuleBuilder { portMatch(at: 0, .equal, port) }
    func destinationPort(_ port: UInt16) -> RuleBuilder { portMatch(at: 2, .equal, port) }
    func destinationPortNot(_ port: UInt16) -> RuleBuilder { portMatch(at: 2, .notEqual, port) }

    private func portMatch(at offset: UInt32, _ comparison: Comparison, _ port: UInt16) -> RuleBuilder {
        tcp().adding(
            .payload(.transport, offset: offset, length: 2, into: .r1), .compare(.r1, comparison, port.networkOctets))
    }

    func destinationPort(notIn set: String) -> RuleBuilder {
        tcp().adding(
            .payload(.transport, offset: 2, length: 2, into: .r1), .lookup(set: set, .r1, isInverted: true))
    }

    /// The first packet of a connection: SYN alone of FIN, SYN, RST and ACK.
    func attempt() -> RuleBuilder { flags(0x17, .equal, 0x02) }
    func noAttempt() -> RuleBuilder { flags(0x17, .notEqual, 0x02) }
    /// The answer to one: SYN and ACK.
    func answer() -> RuleBuilder { flags(0x12, .equal, 0x12) }

    private func flags(_ mask: UInt8, _ comparison: Comparison, _ value: UInt8) -> RuleBuilder {
        tcp().adding(
            .payload(.transport, offset: 13, length: 1, into: .r1),
            .bitwise(from: .r1, into: .r1, mask: [mask], xor: [0]), .compare(.r1, comparison, [value]))
    }

    // MARK: Interfaces, owners, routes

    func input(_ interface: InterfacePattern) -> RuleBuilder {
        adding(.meta(.inputName, into: .r1), .compare(.r1, .equal, interface.compared))
    }

    func output(_ interface: InterfacePattern) -> RuleBuilder {
        adding(.meta(.outputName, into: .r1), .compare(.r1, .equal, interface.compared))
    }

    func socketUID(in set: String) -> RuleBuilder {
        adding(.meta(.socketUID, into: .r1), .lookup(set: set, .r1, isInverted: false))
    }

    /// The way back to the source is not the interface that the packet came in on.
    func borrowedSource() -> RuleBuilder {
        adding(.fib(.reverseInterface, into: .r1), .compare(.r1, .equal, [0, 0, 0, 0]))
    }

    func destinationIsLocal() -> RuleBuilder {
        adding(.fib(.destinationType, into: .r1), .compare(.r1, .equal, UInt32(2).machineOctets))
    }

    func transparentSocket() -> RuleBuilder {
        adding(.socketTransparent(into: .r1), .compare(.r1, .equal, [1]))
    }

    func mark(_ mark: UInt32, mask: UInt32) -> RuleBuilder {
        adding(
            .meta(.mark, into: .r1),
            .bitwise(from: .r1, into: .r1, mask: mask.machineOctets, xor: UInt32(0).machineOctets),
            .compare(.r1, .equal, mark.machineOctets))
    }

    // MARK: Addresses

    enum End {
        case source
        case destination
    }

    /// The address, or its first `prefix` bits, in a register.
    func load(_ end: End, _ family: Family, prefix: Int? = nil, into register: Register = .r1) -> RuleBuilder {
        let (offset, length): (UInt32, UInt32) =
            switch (family, end) {
            case (.ipv4, .source): (12, 4)
            case (.ipv4, .destination): (16, 4)
            case (.ipv6, .source): (8, 16)
            case (.ipv6, .destination): (24, 16)
            }
        let loaded = of(family).adding(.payload(.network, offset: offset, length: length, into: register))
        guard let prefix, prefix < family.bits else { return loaded }
        let mask = (0..<Int(length)).map { octet in
            let kept = min(max(prefix - octet * 8, 0), 8)
            return UInt8(truncatingIfNeeded: 0xFF00 >> kept)
        }
        return loaded.adding(
            .bitwise(from: register, into: register, mask: mask, xor: [UInt8](repeating: 0, count: Int(length))))
    }

    func address(_ end: End, _ family: Family, prefix: Int? = nil, in set: String) -> RuleBuilder {
        load(end, family, prefix: prefix).adding(.lookup(set: set, .r1, isInverted: false))
    }

    /// Source and destination as one key: the second begins at the octet after the first.
    func loadPair(_ family: Family, prefix: Int?) -> RuleBuilder {
        load(.source, family, prefix: prefix)
            .load(.destination, family, into: family == .ipv4 ? .word(1) : .r2)
    }

    // MARK: What is done

    func update(
        _ operation: DynamicUpdate.Operation, _ set: String, timeout: UInt64 = 0,
        _ statement: DynamicUpdate.Statement? = nil
    ) -> RuleBuilder {
        adding(.dynset(DynamicUpdate(operation, set, key: .r1, timeout: timeout, statement: statement)))
    }

    func log(_ action: Attempt.Action, zone: String, group: UInt16) -> RuleBuilder {
        adding(
            .log(group: group, snapLength: 128, queueThreshold: 0, prefix: LogPrefix(action, zone: zone).text))
    }

    func counting(_ name: String) -> RuleBuilder { adding(.counter(name)) }
    func verdict(_ verdict: Verdict) -> RuleBuilder { adding(.verdict(verdict)) }
    func reset() -> RuleBuilder { tcp().adding(.reject(.tcpReset)) }

    /// Delivers the packet to a transparent listener on loopback; matches only if there is one.
    func divert(_ family: Family, to port: UInt16, _ interception: Interception) -> RuleBuilder {
        let loopback: [UInt8] =
            switch family {
            case .ipv4: [127, 0, 0, 1]
            case .ipv6: [UInt8](repeating: 0, count: 15) + [1]
            }
        return of(family).tcp().adding(
            .immediate(.r1, loopback), .immediate(.r2, port.networkOctets),
            .tproxy(family: family, address: .r1, port: .r2)
        )
        .setMark(interception)
    }

    func setMark(_ interception: Interception) -> RuleBuilder {
        adding(
            .meta(.mark, into: .r1),
            .bitwise(
                from: .r1, into: .r1, mask: (~interception.markMask).machineOctets,
                xor: interception.mark.machineOctets), .setMeta(.mark, from: .r1))
    }
}

extension InterfacePattern {
    /// The kernel's 16 octets of a name, or just the first ones of a prefix.
    var compared: [UInt8] {
        let name = Array(text.utf8)
        return isPrefix ? name : name + [UInt8](repeating: 0, count: 16 - name.count)
    }
}

extension FixedWidthInteger {
    /// In the order of the network.
    var networkOctets: [UInt8] {
        (0..<Self.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) }
    }

    /// In the order of this machine.
    var machineOctets: [UInt8] {
        Self(1).littleEndian == Self(1) ? networkOctets.reversed() : networkOctets
    }
}
