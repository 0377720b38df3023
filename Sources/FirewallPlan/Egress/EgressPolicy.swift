public import Bytes

/// A policy of `kind: egress`: who may speak port 25 through and from this machine.
public struct EgressPolicy: Hashable, Sendable {
    /// What becomes of packets that a rule is about.
    public enum Reaction: Hashable, Sendable {
        case drop
        /// Counted and logged; they pass.
        case monitor
        /// No rule is made.
        case accept
    }

    public var name: String
    /// Every zone only counts, and so do `triangular` and `spoofed`.
    public var isMonitored = false
    public var zones: [Zone] = []
    /// Ports that hosts of the zones may not reach; 25 unless somebody insisted.
    public var ports: [UInt16] = [25]
    /// May speak port 25 to the outside.
    public var mailHosts: [AddressPrefix] = []
    /// Destinations that everyone may reach.
    public var relays: [AddressPrefix] = []
    public var exemptions: [Exemption] = []
    /// This machine's own mail; nil makes no rule for it.
    public var local: Local?
    public var triangular = Reaction.drop
    public var spoofed = Reaction.drop
    /// Connections that exist when the policy is applied go on.
    public var keepsExisting = false
    /// The group of NFLOG that refused attempts are reported to.
    public var logGroup: UInt16 = 25

    public init(name: String) {
        self.name = name
    }

    /// Interfaces that share a treatment.
    public struct Zone: Hashable, Sendable {
        public enum Mode: String, Hashable, Sendable, CaseIterable {
            /// Counts and lists who would be refused.
            case monitor
            /// Refuses who exceeds a meter, for a time.
            case adaptive
            /// Refuses everybody who is on no list.
            case block
            /// As block, but the connection is answered with a text that tells why.
            case explain
            /// Through the gateway's policies, then onward.
            case relay
        }

        public var name: String
        public var interfaces: [InterfacePattern]
        public var mode: Mode
        /// Connections that a host may begin.
        public var attempts = Meter(count: 30, unit: 3600, burst: 10)
        /// Destinations that it did not try in the last hour.
        public var newDestinations = Meter(count: 10, unit: 3600, burst: 5)
        /// Seconds for which an adaptive zone refuses whom a meter caught.
        public var blockFor: UInt64 = 86_400
        /// How many bits tell its IPv6 hosts apart.
        public var ipv6Prefix = 64
        /// Whose address a relayed session has at its destination.
        public var upstream = Interception.Upstream.client

        public init(name: String, interfaces: [InterfacePattern], mode: Mode) {
            self.name = name
            self.interfaces = interfaces
            self.mode = mode
        }

        /// Where intercepted sessions go; nil for a zone that intercepts none.
        public var purpose: Interception.Purpose? {
            switch mode {
            case .explain: .explain
            case .relay: .relay
            case .monitor, .adaptive, .block: nil
            }
        }
    }

    /// So many in a unit of time, and so many at once.
    public struct Meter: Hashable, Sendable {
        public var count: UInt64
        /// Seconds: 1, 60, 3600 or 86400.
        public var unit: UInt64
        public var burst: UInt32

        public init(count: UInt64, unit: UInt64, burst: UInt32) {
            self.count = count
            self.unit = unit
            self.burst = burst
        }

        /// Milliseconds after which it has forgotten everything, at least ten minutes.
        var memory: UInt64 {
            max(600_000, UInt64(burst) * unit * 1000 / max(count, 1))
        }

        var excess: Limit { Limit(rate: count, unit: unit, burst: burst, isOver: true) }
    }

    /// A host that may speak port 25 for a time.
    public struct Exemption: Hashable, Sendable {
        /// An IPv4 address, or one IPv6 /64.
        public var host: AddressPrefix
        /// Seconds since 1970; nil for no end.
        public var until: UInt64?
        /// The end as people write it; both stand in the element's comment.
        public var day: String
        public var reason: String

        public init(host: AddressPrefix, until: UInt64?, day: String = "", reason: String) {
            self.host = host
            self.until = until
            self.day = day
            self.reason = reason
        }
    }

    public struct Local: Hashable, Sendable {
        /// Users whose processes may.
        public var uids: [UInt32]
        /// False counts only.
        public var isBlocking: Bool

        public init(uids: [UInt32], isBlocking: Bool) {
            self.uids = uids
            self.isBlocking = isBlocking
        }
    }
}

/// What a rule set needs to know that the policy does not say.
public struct Site: Hashable, Sendable {
    /// Seconds since 1970.
    public var now: UInt64
    /// The gateway's listeners; bans close these.
    public var gatewayPorts: [UInt16]
    /// The user the gateway runs as: its connections to mail servers are nobody's mail.
    public var gatewayUID: UInt32?
    /// Nets that no ban reaches.
    public var neverBanned: [AddressPrefix]

    public init(
        now: UInt64, gatewayPorts: [UInt16] = [], gatewayUID: UInt32? = nil, neverBanned: [AddressPrefix] = []
    ) {
        self.now = now
        self.gatewayPorts = gatewayPorts
        self.gatewayUID = gatewayUID
        self.neverBanned = neverBanned
    }
}
