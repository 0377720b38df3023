public import Bytes

/// What the helper answers.
public enum HelperReply: Hashable, Sendable {
    case done
    case refused(Refusal)
    /// How many operations it took; with the seconds within which `confirm` must come.
    case applied(operations: UInt32, confirmWithin: UInt32?)
    case status(HelperStatus)
    case counters([CounterValue])
    case offenders([Offender])
    case hosts([HostEntry])
    case ruleset(Ruleset)
    /// The socket comes beside it (SCM_RIGHTS).
    case socket
    case attempt(Attempt)

    /// Why not, in a form for programs and one for people.
    public struct Refusal: Hashable, Sendable {
        public enum Code: UInt8, Hashable, Sendable, CaseIterable {
            /// No CAP_NET_ADMIN.
            case notPermitted = 0
            /// The kernel has no nf_tables, or not what the rule set needs.
            case unsupported = 1
            /// The kernel refused an operation; nothing was changed.
            case kernel = 2
            /// The request makes no sense now: nothing is applied, another digest waits, no such host.
            case state = 3
            /// The host, socket or destination is none that the deployment allows.
            case outsidePolicy = 4
            /// Too many at once.
            case busy = 5
            /// Octets that are no request.
            case malformed = 6
        }

        public var code: Code
        /// One sentence.
        public var message: String

        public init(_ code: Code, _ message: String) {
            self.code = code
            self.message = message
        }
    }
}

/// A counter of the table.
public struct CounterValue: Hashable, Sendable {
    public var name: String
    public var packets: UInt64
    public var bytes: UInt64

    public init(name: String, packets: UInt64, bytes: UInt64) {
        self.name = name
        self.packets = packets
        self.bytes = bytes
    }
}

/// A host in a `HostSet`.
public struct HostEntry: Hashable, Sendable {
    public var host: AddressPrefix
    /// Nil: until it is taken back.
    public var secondsLeft: UInt64?
    public var reason: String

    public init(host: AddressPrefix, secondsLeft: UInt64?, reason: String) {
        self.host = host
        self.secondsLeft = secondsLeft
        self.reason = reason
    }
}

/// What is known of a host that was refused, or would have been.
public struct Offender: Hashable, Sendable {
    public var host: AddressPrefix
    public var zone: String
    public var action: Attempt.Action
    /// Packets of port 25 that were refused, from the kernel's count.
    public var attempts: UInt64
    /// Seconds since 1970; 0 if the log was not read then.
    public var first: UInt64
    public var last: UInt64
    /// Different destinations, and the most frequent ones.
    public var destinations: UInt32
    public var topDestinations: [IPAddress]
    /// As text, empty if unknown.
    public var macAddress: String
    public var interface: String

    public init(
        host: AddressPrefix, zone: String, action: Attempt.Action, attempts: UInt64, first: UInt64, last: UInt64,
        destinations: UInt32, topDestinations: [IPAddress], macAddress: String, interface: String
    ) {
        self.host = host
        self.zone = zone
        self.action = action
        self.attempts = attempts
        self.first = first
        self.last = last
        self.destinations = destinations
        self.topDestinations = topDestinations
        self.macAddress = macAddress
        self.interface = interface
    }
}

/// One packet that the kernel logged.
public struct Attempt: Hashable, Sendable {
    /// What became of it; the log prefix says so.
    public enum Action: UInt8, Hashable, Sendable, CaseIterable {
        case refused = 0
        /// Monitored: it passed.
        case wouldRefuse = 1
        /// A meter put the host into `blocked`.
        case caught = 2
        /// A source address behind the wrong interface.
        case spoofed = 3
        /// A SYN/ACK from port 25 towards a host that may not send.
        case triangular = 4

        /// In log prefixes and reports.
        public var word: String {
            switch self {
            case .refused: "refuse"
            case .wouldRefuse: "observe"
            case .caught: "catch"
            case .spoofed: "spoofed"
            case .triangular: "triangular"
            }
        }
    }

    /// Milliseconds since 1970.
    public var time: UInt64
    public var action: Action
    public var zone: String
    public var source: Endpoint
    public var destination: Endpoint
    public var inputInterface: String
    public var outputInterface: String
    public var macAddress: String
    /// Of a local process.
    public var uid: UInt32?

    public init(
        time: UInt64, action: Action, zone: String, source: Endpoint, destination: Endpoint, inputInterface: String,
        outputInterface: String, macAddress: String, uid: UInt32?
    ) {
        self.time = time
        self.action = action
        self.zone = zone
        self.source = source
        self.destination = destination
        self.inputInterface = inputInterface
        self.outputInterface = outputInterface
        self.macAddress = macAddress
        self.uid = uid
    }
}

/// `portreeve ACTION ZONE `: what a log rule's prefix says, for the one who reads the log group.
public struct LogPrefix: Hashable, Sendable {
    public var action: Attempt.Action
    public var zone: String

    public init(_ action: Attempt.Action, zone: String) {
        self.action = action
        self.zone = zone
    }

    /// Nil for a prefix that is not ours.
    public init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 3, words[0] == Table.ours.name,
            let action = Attempt.Action.allCases.first(where: { $0.word == words[1] })
        else { return nil }
        self.init(action, zone: String(words[2]))
    }

    /// The kernel takes up to 127 octets; a zone's name has at most 64.
    public var text: String { "\(Table.ours.name) \(action.word) \(zone) " }
}

/// How things stand.
public struct HelperStatus: Hashable, Sendable {
    /// What keeps others from changing the table.
    public enum Ownership: UInt8, Hashable, Sendable, CaseIterable {
        /// Nothing is applied.
        case none = 0
        /// Nothing; a foreign change is noticed and repaired.
        case watched = 1
        /// The kernel, and the table outlives the helper.
        case owned = 2
    }

    public var policy: String
    /// Of what is applied; empty for nothing.
    public var digest: String
    /// Seconds in which `confirm` must come; nil if confirmed.
    public var confirmWithin: UInt32?
    public var ownership: Ownership
    /// Seconds since 1970.
    public var appliedAt: UInt64
    /// How often a foreign change was repaired, and who made the last one.
    public var repairs: UInt64
    public var lastCulprit: String
    /// Records of the log group that got lost.
    public var lostRecords: UInt64
    /// Elements of each set.
    public var setSizes: [CounterValue]
    /// What the kernel lacks that a policy may need.
    public var missingFeatures: [String]
    /// What came of reading the policy's files again; nil if that changed nothing yet.
    public var lastReading: Reading?

    public struct Reading: Hashable, Sendable {
        /// Seconds since 1970.
        public var time: UInt64
        /// Whether the kernel holds what was read.
        public var isTaken: Bool
        public var sentence: String

        public init(time: UInt64, isTaken: Bool, sentence: String) {
            (self.time, self.isTaken, self.sentence) = (time, isTaken, sentence)
        }
    }

    public init(
        policy: String, digest: String, confirmWithin: UInt32?, ownership: Ownership, appliedAt: UInt64,
        repairs: UInt64,
        lastCulprit: String, lostRecords: UInt64, setSizes: [CounterValue], missingFeatures: [String],
        lastReading: Reading? = nil
    ) {
        self.policy = policy
        self.digest = digest
        self.confirmWithin = confirmWithin
        self.ownership = ownership
        self.appliedAt = appliedAt
        self.repairs = repairs
        self.lastCulprit = lastCulprit
        self.lostRecords = lostRecords
        self.setSizes = setSizes
        self.missingFeatures = missingFeatures
        self.lastReading = lastReading
    }
}
