extension Expression: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(tag.rawValue)
        switch self {
        case .meta(let key, let register), .setMeta(let key, let register):
            writer.write(key.rawValue)
            writer.write(register.rawValue)
        case .payload(let base, let offset, let length, let register):
            for number in [base.rawValue, offset, length, register.rawValue] { writer.write(number) }
        case .compare(let register, let comparison, let value):
            writer.write(register.rawValue)
            writer.write(comparison.rawValue)
            writer.write(value)
        case .bitwise(let from, let into, let mask, let xor):
            writer.write(from.rawValue)
            writer.write(into.rawValue)
            writer.write(mask)
            writer.write(xor)
        case .lookup(let set, let register, let isInverted):
            writer.write(set)
            writer.write(register.rawValue)
            writer.write(isInverted)
        case .immediate(let register, let value):
            writer.write(register.rawValue)
            writer.write(value)
        case .verdict(let verdict): verdict.write(to: &writer)
        case .counter(let name): writer.write(name)
        case .log(let group, let snapLength, let threshold, let prefix):
            writer.write(group)
            writer.write(snapLength)
            writer.write(threshold)
            writer.write(prefix)
        case .limit(let limit): limit.write(to: &writer)
        case .dynset(let update): update.write(to: &writer)
        case .fib(let query, let register):
            writer.write(query == .reverseInterface)
            writer.write(register.rawValue)
        case .socketTransparent(let register), .connectionState(let register): writer.write(register.rawValue)
        case .tproxy(let family, let address, let port):
            writer.write(family.rawValue)
            writer.write(address.rawValue)
            writer.write(port.rawValue)
        case .reject(.tcpReset), .notrack: break
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.choice(Tag.self) {
        case .meta: self = .meta(try reader.choice(), into: try reader.register())
        case .setMeta: self = .setMeta(try reader.choice(), from: try reader.register())
        case .payload:
            self = .payload(
                try reader.choice(), offset: try reader.integer(), length: try reader.integer(),
                into: try reader.register())
        case .compare: self = .compare(try reader.register(), try reader.choice(), try reader.bytes())
        case .bitwise:
            self = .bitwise(
                from: try reader.register(), into: try reader.register(), mask: try reader.bytes(),
                xor: try reader.bytes())
        case .lookup: self = .lookup(set: try reader.text(), try reader.register(), isInverted: try reader.bool())
        case .immediate: self = .immediate(try reader.register(), try reader.bytes())
        case .verdict: self = .verdict(try Verdict(from: &reader))
        case .counter: self = .counter(try reader.text())
        case .log:
            self = .log(
                group: try reader.integer(), snapLength: try reader.integer(), queueThreshold: try reader.integer(),
                prefix: try reader.text())
        case .limit: self = .limit(try Limit(from: &reader))
        case .dynset: self = .dynset(try DynamicUpdate(from: &reader))
        case .fib:
            self = .fib(try reader.bool() ? .reverseInterface : .destinationType, into: try reader.register())
        case .socketTransparent: self = .socketTransparent(into: try reader.register())
        case .tproxy:
            self = .tproxy(
                family: try reader.choice(), address: try reader.register(), port: try reader.register())
        case .reject: self = .reject(.tcpReset)
        case .connectionState: self = .connectionState(into: try reader.register())
        case .notrack: self = .notrack
        }
    }

    private enum Tag: UInt8 {
        case meta, setMeta, payload, compare, bitwise, lookup, immediate, verdict, counter, log, limit, dynset, fib
        case socketTransparent, tproxy, reject, connectionState, notrack
    }

    private var tag: Tag {
        switch self {
        case .meta: .meta
        case .setMeta: .setMeta
        case .payload: .payload
        case .compare: .compare
        case .bitwise: .bitwise
        case .lookup: .lookup
        case .immediate: .immediate
        case .verdict: .verdict
        case .counter: .counter
        case .log: .log
        case .limit: .limit
        case .dynset: .dynset
        case .fib: .fib
        case .socketTransparent: .socketTransparent
        case .tproxy: .tproxy
        case .reject: .reject
        case .connectionState: .connectionState
        case .notrack: .notrack
        }
    }
}

extension WireReader {
    /// A register that holds data.
    fileprivate mutating func register() throws(WireError) -> Register {
        let register = Register(rawValue: try integer())
        guard register.offset != nil else { throw .malformed }
        return register
    }
}

extension Verdict: WireCodable {
    public func write(to writer: inout WireWriter) {
        switch self {
        case .accept: writer.write(UInt8(0))
        case .drop: writer.write(UInt8(1))
        case .return: writer.write(UInt8(2))
        case .jump(let chain):
            writer.write(UInt8(3))
            writer.write(chain)
        case .goto(let chain):
            writer.write(UInt8(4))
            writer.write(chain)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 0: self = .accept
        case 1: self = .drop
        case 2: self = .return
        case 3: self = .jump(try reader.text())
        case 4: self = .goto(try reader.text())
        default: throw .malformed
        }
    }
}

extension Limit: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(rate)
        writer.write(unit)
        writer.write(burst)
        writer.write(isOver)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            rate: try reader.integer(), unit: try reader.integer(), burst: try reader.integer(),
            isOver: try reader.bool())
        guard rate > 0, unit > 0 else { throw .malformed }
    }
}

extension DynamicUpdate: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(operation.rawValue)
        writer.write(set)
        writer.write(key.rawValue)
        writer.write(timeout)
        switch statement {
        case nil: writer.write(UInt8(0))
        case .counter: writer.write(UInt8(1))
        case .limit(let limit):
            writer.write(UInt8(2))
            limit.write(to: &writer)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            try reader.choice(), try reader.text(), key: try reader.register(), timeout: try reader.integer())
        switch try reader.integer(UInt8.self) {
        case 0: statement = nil
        case 1: statement = .counter
        case 2: statement = .limit(try Limit(from: &reader))
        default: throw .malformed
        }
    }
}
