internal import Bytes
internal import Diagnostics
internal import PolicyLanguage

/// Tests of policies of kind egress: packets instead of facts.
extension TestReader {
    /// What may become of a packet, in the words of tests.
    static let fates = ["passes", "refused", "dropped", "intercepted"]

    func packets(_ packet: YAMLNode.Pair, _ keys: [String: YAMLNode.Pair]) -> [PacketStep]? {
        let first = fill(PacketStep(), packet)
        guard let steps = keys["steps"] else {
            guard let expect = keys["expect"] else {
                error(.missingKey, packet.keyRange, "a test needs 'expect' or 'steps'")
                return nil
            }
            var step = first
            step.expected = packetExpectation(expect)
            return [step]
        }
        return items(steps).compactMap { packetStep($0, first) }
    }

    private func packetStep(_ node: YAMLNode, _ first: PacketStep) -> PacketStep? {
        let keys = keys(node, ["repeat", "advance", "packet", "expect"], "a step")
        guard let expect = keys["expect"] else {
            error(.missingKey, node.range, "a step needs 'expect'")
            return nil
        }
        var step = keys["packet"].map { fill(first, $0) } ?? first
        step.times = keys["repeat"].flatMap { times($0) } ?? 1
        step.advance = keys["advance"].flatMap { duration($0) } ?? 0
        step.expected = packetExpectation(expect)
        return step
    }

    /// The packet with what a step says of it.
    private func fill(_ packet: PacketStep, _ pair: YAMLNode.Pair) -> PacketStep {
        var packet = packet
        let keys = keys(pair.value, ["interface", "from", "to", "port", "spoofed", "answer"], "'packet'")
        packet.interface = keys["interface"].flatMap { text($0) } ?? packet.interface
        packet.source = keys["from"].flatMap { address($0) } ?? packet.source
        packet.destination = keys["to"].flatMap { address($0) } ?? packet.destination
        packet.isSpoofed = keys["spoofed"].flatMap { flag($0) } ?? packet.isSpoofed
        packet.isAnswer = keys["answer"].flatMap { flag($0) } ?? packet.isAnswer
        if let port = keys["port"], let text = text(port) {
            if let number = Units.number(text).flatMap({ UInt16(exactly: $0) }) {
                packet.port = number
            } else {
                error(.badValue, port.value.range, "'\(text)' is not a port")
            }
        }
        if packet.source.isV4 != packet.destination.isV4, keys["from"] != nil, keys["to"] != nil {
            error(.conflict, pair.keyRange, "'from' and 'to' are of different families")
        }
        return packet
    }

    private func address(_ pair: YAMLNode.Pair) -> IPAddress? {
        guard let text = text(pair) else { return nil }
        if let address = IPAddress(text) { return address }
        error(.badValue, pair.value.range, "'\(text)' is not an address")
        return nil
    }

    private func flag(_ pair: YAMLNode.Pair) -> Bool? {
        guard let text = text(pair) else { return nil }
        if text == "true" || text == "false" { return text == "true" }
        error(.badValue, pair.value.range, "'\(pair.key)' is true or false")
        return nil
    }

    private func packetExpectation(_ pair: YAMLNode.Pair) -> PacketExpectation {
        var expected = PacketExpectation(range: pair.keyRange)
        let keys = keys(pair.value, ["fate", "counter"], "'expect'")
        if let fate = keys["fate"], let text = text(fate) {
            if !Self.fates.contains(text) {
                error(
                    .badValue, fate.value.range, "a packet is one of \(Self.fates.joined(separator: ", "))",
                    hint: Suggestion.nearest(to: text, in: Self.fates).map { "did you mean '\($0)'?" })
            }
            expected.fate = text
        }
        expected.counter = keys["counter"].flatMap { text($0) }
        return expected
    }
}
