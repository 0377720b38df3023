public import Bytes

/// Everything that the privileged helper can be asked for; there is no other way in.
public enum HelperRequest: Hashable, Sendable {
    case status
    /// Whether the kernel would take it; changes nothing.
    case check(Deployment)
    /// With a number of seconds the helper takes it back unless `confirm` comes in time.
    case apply(Deployment, confirmWithin: UInt32?)
    /// Of the deployment with this digest.
    case confirm(digest: String)
    /// Removes everything of ours.
    case off
    case counters
    /// Who was refused, or would have been, since a time (seconds since 1970).
    case offenders(since: UInt64)
    /// What a set of hosts holds.
    case hosts(HostSet)
    /// The rule set as the kernel has it, with every element.
    case observe
    /// Nil seconds: until it is taken back.
    case allow(AddressPrefix, seconds: UInt32?, reason: String)
    case deny(AddressPrefix, seconds: UInt32?, reason: String)
    /// Takes back what `allow`, `deny`, a meter or a ban did.
    case forget(HostSet, AddressPrefix)
    /// A ban of the gateway's: its listeners drop the host's first packets.
    case ban(AddressPrefix, milliseconds: UInt64, reason: String)
    /// A listening socket for intercepted sessions; it comes with the reply.
    case listener(Interception.Purpose, Family)
    /// A socket that is bound to a client's address, for a connection to where the client wanted to go.
    case upstream(client: IPAddress, destination: Endpoint)
    /// From now on `HelperReply.attempt` for every record of the log group.
    case attempts
}

/// The sets that people and programs put hosts into.
public enum HostSet: UInt8, Hashable, Sendable, CaseIterable {
    /// By hand: may speak port 25.
    case allowed = 0
    /// By hand: may not, whatever the lists say.
    case denied = 1
    /// By a meter of an adaptive zone.
    case blocked = 2
    /// By the gateway.
    case banned = 3

    /// The name of the set for a family.
    public func name(_ family: Family) -> String {
        let word =
            switch self {
            case .allowed: "allowed"
            case .denied: "denied"
            case .blocked: "blocked"
            case .banned: "banned"
            }
        return word + family.suffix
    }
}

extension Family {
    /// At the end of names of sets: 4 or 6.
    public var suffix: String {
        switch self {
        case .ipv4: "4"
        case .ipv6: "6"
        }
    }

    /// The bits of an address.
    public var bits: Int {
        switch self {
        case .ipv4: 32
        case .ipv6: 128
        }
    }
}

extension HelperRequest: WireCodable {
    public func write(to writer: inout WireWriter) {
        writer.write(Frame.version)
        switch self {
        case .status: writer.write(UInt8(0))
        case .check(let deployment):
            writer.write(UInt8(1))
            deployment.write(to: &writer)
        case .apply(let deployment, let seconds):
            writer.write(UInt8(2))
            deployment.write(to: &writer)
            writer.write(seconds) { $0.write($1) }
        case .confirm(let digest):
            writer.write(UInt8(3))
            writer.write(digest)
        case .off: writer.write(UInt8(4))
        case .counters: writer.write(UInt8(5))
        case .offenders(let since):
            writer.write(UInt8(6))
            writer.write(since)
        case .hosts(let set):
            writer.write(UInt8(7))
            writer.write(set.rawValue)
        case .observe: writer.write(UInt8(8))
        case .allow(let host, let seconds, let reason):
            writer.write(UInt8(9))
            writer.writeEntry(host, seconds, reason)
        case .deny(let host, let seconds, let reason):
            writer.write(UInt8(10))
            writer.writeEntry(host, seconds, reason)
        case .forget(let set, let host):
            writer.write(UInt8(11))
            writer.write(set.rawValue)
            host.write(to: &writer)
        case .ban(let host, let milliseconds, let reason):
            writer.write(UInt8(12))
            host.write(to: &writer)
            writer.write(milliseconds)
            writer.write(reason)
        case .listener(let purpose, let family):
            writer.write(UInt8(13))
            writer.write(purpose.rawValue)
            writer.write(family.rawValue)
        case .upstream(let client, let destination):
            writer.write(UInt8(14))
            client.write(to: &writer)
            destination.write(to: &writer)
        case .attempts: writer.write(UInt8(15))
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        guard try reader.integer(UInt8.self) == Frame.version else { throw .version }
        switch try reader.integer(UInt8.self) {
        case 0: self = .status
        case 1: self = .check(try Deployment(from: &reader))
        case 2:
            self = .apply(
                try Deployment(from: &reader),
                confirmWithin: try reader.optional { reader throws(WireError) in try reader.integer() })
        case 3: self = .confirm(digest: try reader.text())
        case 4: self = .off
        case 5: self = .counters
        case 6: self = .offenders(since: try reader.integer())
        case 7: self = .hosts(try reader.choice())
        case 8: self = .observe
        case 9:
            let entry = try reader.entry()
            self = .allow(entry.host, seconds: entry.seconds, reason: entry.reason)
        case 10:
            let entry = try reader.entry()
            self = .deny(entry.host, seconds: entry.seconds, reason: entry.reason)
        case 11: self = .forget(try reader.choice(), try AddressPrefix(from: &reader))
        case 12:
            self = .ban(try AddressPrefix(from: &reader), milliseconds: try reader.integer(), reason: try reader.text())
        case 13: self = .listener(try reader.choice(), try reader.choice())
        case 14: self = .upstream(client: try IPAddress(from: &reader), destination: try Endpoint(from: &reader))
        case 15: self = .attempts
        default: throw .malformed
        }
    }
}

extension WireWriter {
    fileprivate mutating func writeEntry(_ host: AddressPrefix, _ seconds: UInt32?, _ reason: String) {
        host.write(to: &self)
        write(seconds) { $0.write($1) }
        write(reason)
    }
}

extension WireReader {
    fileprivate mutating func entry() throws(WireError) -> (host: AddressPrefix, seconds: UInt32?, reason: String) {
        (
            try AddressPrefix(from: &self), try optional { reader throws(WireError) in try reader.integer() },
            try text()
        )
    }
}
