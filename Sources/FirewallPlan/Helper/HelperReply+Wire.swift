internal import Bytes

extension HelperReply: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(Frame.version)
        switch self {
        case .done: writer.write(UInt8(0))
        case .refused(let refusal):
            writer.write(UInt8(1))
            writer.write(refusal.code.rawValue)
            writer.write(refusal.message)
        case .applied(let operations, let seconds):
            writer.write(UInt8(2))
            writer.write(operations)
            writer.write(seconds) { $0.write($1) }
        case .status(let status):
            writer.write(UInt8(3))
            status.write(to: &writer)
        case .counters(let counters):
            writer.write(UInt8(4))
            writer.write(counters)
        case .offenders(let offenders):
            writer.write(UInt8(5))
            writer.write(offenders)
        case .hosts(let hosts):
            writer.write(UInt8(6))
            writer.write(hosts)
        case .ruleset(let ruleset):
            writer.write(UInt8(7))
            ruleset.write(to: &writer)
        case .socket: writer.write(UInt8(8))
        case .attempt(let attempt):
            writer.write(UInt8(9))
            attempt.write(to: &writer)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        guard try reader.integer(UInt8.self) == Frame.version else { throw .version }
        switch try reader.integer(UInt8.self) {
        case 0: self = .done
        case 1: self = .refused(Refusal(try reader.choice(), try reader.text()))
        case 2:
            self = .applied(
                operations: try reader.integer(),
                confirmWithin: try reader.optional { reader throws(WireError) in try reader.integer() })
        case 3: self = .status(try HelperStatus(from: &reader))
        case 4: self = .counters(try reader.array())
        case 5: self = .offenders(try reader.array())
        case 6: self = .hosts(try reader.array())
        case 7: self = .ruleset(try Ruleset(from: &reader))
        case 8: self = .socket
        case 9: self = .attempt(try Attempt(from: &reader))
        default: throw .malformed
        }
    }
}

extension CounterValue: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(name)
        writer.write(packets)
        writer.write(bytes)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(name: try reader.text(), packets: try reader.integer(), bytes: try reader.integer())
    }
}

extension HostEntry: WireCodable {
    public func write(to writer: inout WireWriter) {
        host.write(to: &writer)
        writer.write(secondsLeft) { $0.write($1) }
        writer.write(reason)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            host: try AddressPrefix(from: &reader),
            secondsLeft: try reader.optional { reader throws(WireError) in try reader.integer() },
            reason: try reader.text())
    }
}

extension Offender: WireCodable {
    public func write(to writer: inout WireWriter) {
        host.write(to: &writer)
        writer.write(zone)
        writer.write(action.rawValue)
        for number in [attempts, first, last] { writer.write(number) }
        writer.write(destinations)
        writer.write(topDestinations)
        writer.write(macAddress)
        writer.write(interface)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            host: try AddressPrefix(from: &reader), zone: try reader.text(), action: try reader.choice(),
            attempts: try reader.integer(), first: try reader.integer(), last: try reader.integer(),
            destinations: try reader.integer(), topDestinations: try reader.array(), macAddress: try reader.text(),
            interface: try reader.text())
    }
}

extension Attempt: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(time)
        writer.write(action.rawValue)
        writer.write(zone)
        source.write(to: &writer)
        destination.write(to: &writer)
        writer.write(inputInterface)
        writer.write(outputInterface)
        writer.write(macAddress)
        writer.write(uid) { $0.write($1) }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            time: try reader.integer(), action: try reader.choice(), zone: try reader.text(),
            source: try Endpoint(from: &reader), destination: try Endpoint(from: &reader),
            inputInterface: try reader.text(), outputInterface: try reader.text(), macAddress: try reader.text(),
            uid: try reader.optional { reader throws(WireError) in try reader.integer() })
    }
}

extension HelperStatus: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(policy)
        writer.write(digest)
        writer.write(confirmWithin) { $0.write($1) }
        writer.write(ownership.rawValue)
        writer.write(appliedAt)
        writer.write(repairs)
        writer.write(lastCulprit)
        writer.write(lostRecords)
        writer.write(setSizes)
        writer.write(missingFeatures) { $0.write($1) }
        writer.write(lastReading) {
            $0.write($1.time)
            $0.write($1.isTaken)
            $0.write($1.sentence)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            policy: try reader.text(), digest: try reader.text(),
            confirmWithin: try reader.optional { reader throws(WireError) in try reader.integer() },
            ownership: try reader.choice(), appliedAt: try reader.integer(), repairs: try reader.integer(),
            lastCulprit: try reader.text(), lostRecords: try reader.integer(), setSizes: try reader.array(),
            missingFeatures: try reader.array { reader throws(WireError) in try reader.text() },
            lastReading: try reader.optional { reader throws(WireError) in
                Reading(time: try reader.integer(), isTaken: try reader.bool(), sentence: try reader.text())
            })
    }
}
