extension Ruleset: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(table.name)
        writer.write(counters) { $0.write($1) }
        writer.write(sets)
        writer.write(chains)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            table: Table(name: try reader.text()),
            counters: try reader.array { reader throws(WireError) in try reader.text() },
            sets: try reader.array(), chains: try reader.array())
    }
}

extension Chain: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(name)
        writer.write(base) {
            $0.write($1.hook.rawValue)
            $0.write($1.priority)
        }
        writer.write(rules)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            try reader.text(),
            base: try reader.optional { reader throws(WireError) in
                BaseChain(try reader.choice(), priority: try reader.signed())
            },
            rules: try reader.array())
    }
}

extension Rule: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(comment)
        writer.write(expressions)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let comment = try reader.text()
        self.init(try reader.array(), comment: comment)
    }
}

extension NamedSet: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(name)
        writer.write(key.number)
        writer.write(flags.rawValue)
        writer.write(timeout) { $0.write($1) }
        writer.write(size) { $0.write($1) }
        writer.write(comment)
        writer.write(contents == .live)
        writer.write(elements)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let name = try reader.text()
        guard let key = KeyType(number: try reader.integer()) else { throw .malformed }
        let flags = Flags(rawValue: try reader.integer())
        guard flags.isSubset(of: [.interval, .timeout, .dynamic]) else { throw .malformed }
        self.init(
            name, key, flags: flags,
            timeout: try reader.optional { reader throws(WireError) in try reader.integer() },
            size: try reader.optional { reader throws(WireError) in try reader.integer() },
            comment: try reader.text(), contents: try reader.bool() ? .live : .planned, elements: try reader.array())
        guard elements.allSatisfy({ $0.key.count == key.length && ($0.last?.count ?? key.length) == key.length })
        else { throw .malformed }
    }
}

extension SetElement: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(key)
        writer.write(last) { $0.write($1) }
        writer.write(timeout) { $0.write($1) }
        writer.write(expiration) { $0.write($1) }
        writer.write(comment)
        writer.write(count) {
            $0.write($1.packets)
            $0.write($1.bytes)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            try reader.bytes(), through: try reader.optional { reader throws(WireError) in try reader.bytes() },
            timeout: try reader.optional { reader throws(WireError) in try reader.integer() },
            expiration: try reader.optional { reader throws(WireError) in try reader.integer() },
            comment: try reader.text(),
            count: try reader.optional { reader throws(WireError) in
                Count(packets: try reader.integer(), bytes: try reader.integer())
            })
    }
}
