public import Bytes

/// One packet, as far as rules of ours can tell packets apart.
public struct Packet: Hashable, Sendable {
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let syn = Flags(rawValue: 0x02)
        public static let ack = Flags(rawValue: 0x10)
    }

    public var hook: BaseChain.Hook
    public var inputInterface = ""
    public var outputInterface = ""
    public var source: Endpoint
    public var destination: Endpoint
    /// TCP's number, unless it is of another protocol.
    public var protocolNumber: UInt8 = 6
    public var flags: Flags = .syn
    public var mark: UInt32 = 0
    /// Of the process that sends it, on this machine.
    public var uid: UInt32?
    /// Whether the way back to the source is the interface that it came in on.
    public var isSourceInPlace = true
    public var isDestinationLocal = false
    /// Whether a transparent socket of this machine owns its connection.
    public var hasTransparentSocket = false
    /// Whether a transparent listener waits for intercepted connections.
    public var hasListener = true

    public init(_ hook: BaseChain.Hook, from source: Endpoint, to destination: Endpoint) {
        self.hook = hook
        self.source = source
        self.destination = destination
    }

    var family: Family { source.address.family }

    /// Octets of a header, zero where no rule looks.
    func payload(_ base: PayloadBase, _ offset: Int, _ length: Int) -> [UInt8]? {
        let header: [UInt8]
        switch base {
        case .link: return nil
        case .network:
            let addresses = source.address.octets(family) + destination.address.octets(family)
            header = [UInt8](repeating: 0, count: family == .ipv4 ? 12 : 8) + addresses
        case .transport:
            header =
                source.port.networkOctets + destination.port.networkOctets + [UInt8](repeating: 0, count: 9)
                + [flags.rawValue]
        }
        guard offset >= 0, length >= 0, offset + length <= header.count else { return nil }
        return Array(header[offset..<offset + length])
    }
}

/// What became of a packet at a hook.
public enum PacketFate: Hashable, Sendable {
    /// Our chain lets it pass; other tables may think otherwise.
    case passes
    case dropped
    /// The sender gets a TCP reset.
    case reset
    /// To the transparent listener on this port of loopback.
    case intercepted(port: UInt16)

    /// In a sentence.
    public var words: String {
        switch self {
        case .passes: "passes"
        case .dropped: "is dropped"
        case .reset: "is refused with a TCP reset"
        case .intercepted(let port): "goes to the gateway (port \(port))"
        }
    }
}

/// A packet's way through the rules.
public struct PacketTrace: Hashable, Sendable {
    public struct Step: Hashable, Sendable {
        public var chain: String
        /// The rule in nft's words.
        public var rule: String
        public var isMatched: Bool
    }

    public var fate = PacketFate.passes
    public var steps: [Step] = []
    /// The named counters that counted it.
    public var counters: [String] = []
    public var logs: [LogPrefix] = []
    public var isUntracked = false
    /// The rule that decided; nil if none did, and the packet passes because nothing objected.
    public var decidingStep: Step?
}
