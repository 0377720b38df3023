public import Bytes

extension IPAddress: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(high)
        writer.write(low)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(high: try reader.integer(), low: try reader.integer())
    }
}

extension Endpoint: WireCodable {
    public func write(to writer: inout WireWriter) {
        address.write(to: &writer)
        writer.write(port)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(address: try IPAddress(from: &reader), port: try reader.integer())
    }
}

extension AddressPrefix: WireCodable {
    public func write(to writer: inout WireWriter) {
        address.write(to: &writer)
        writer.write(UInt8(truncatingIfNeeded: length))
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let address = try IPAddress(from: &reader)
        guard let prefix = AddressPrefix(address, length: Int(try reader.integer(UInt8.self))),
            prefix.address == address
        else { throw .malformed }
        self = prefix
    }
}

extension Deployment: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(policy)
        ruleset.write(to: &writer)
        writer.write(interception)
        writer.write(neverBanned)
        writer.write(madeAt)
        writer.write(origin)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            policy: try reader.text(), ruleset: try Ruleset(from: &reader), interception: try reader.optional(),
            neverBanned: try reader.array(), madeAt: try reader.integer(), origin: try reader.optional())
    }
}

extension Interception: WireCodable {
    public func write(to writer: inout WireWriter) {
        for number in [mark, markMask, upstreamMark, routingTable, guardPreference, preference] {
            writer.write(number)
        }
        writer.write(relayPort)
        writer.write(explainPort)
        writer.write(zones)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(zones: [])
        mark = try reader.integer()
        markMask = try reader.integer()
        upstreamMark = try reader.integer()
        routingTable = try reader.integer()
        guardPreference = try reader.integer()
        preference = try reader.integer()
        relayPort = try reader.integer()
        explainPort = try reader.integer()
        zones = try reader.array()
    }
}

extension Interception.Zone: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(name)
        writer.write(interfaces) { $0.write($1.description) }
        writer.write(purpose.rawValue)
        writer.write(upstream.rawValue)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            name: try reader.text(),
            interfaces: try reader.array { reader throws(WireError) in
                guard let pattern = InterfacePattern(try reader.text()) else { throw .malformed }
                return pattern
            },
            purpose: try reader.choice(), upstream: try reader.choice())
    }
}
