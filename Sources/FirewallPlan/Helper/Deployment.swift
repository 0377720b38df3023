public import Bytes

/// What `firewall apply` hands over: the rule set, the routing of intercepted packets and whom nobody bans.
public struct Deployment: Hashable, Sendable {
    /// The policy's name.
    public var policy: String
    public var ruleset: Ruleset
    /// Nil if no zone intercepts.
    public var interception: Interception?
    /// Nets that a ban or a `deny` of the gateway never reaches: mail hosts, relays, backends, the administrators' own.
    public var neverBanned: [AddressPrefix]
    /// When it was made, seconds since 1970: timeouts of its elements count from here.
    public var madeAt: UInt64
    /// Nil for one that was read from no file.
    public var origin: PolicyOrigin?

    public init(
        policy: String, ruleset: Ruleset, interception: Interception? = nil, neverBanned: [AddressPrefix] = [],
        madeAt: UInt64 = 0, origin: PolicyOrigin? = nil
    ) {
        self.policy = policy
        self.ruleset = ruleset
        self.interception = interception
        self.neverBanned = neverBanned
        self.madeAt = madeAt
        self.origin = origin
    }

    /// The same as of a later time: what has ended is gone, and the rest lasts so much less.
    ///
    /// A deployment lies in a file for weeks; an exemption of it must not begin anew with each start.
    public func aged(to now: UInt64) -> Deployment {
        guard now > madeAt, madeAt > 0 else { return self }
        var aged = self
        aged.madeAt = now
        let passed = (now - madeAt) * 1000
        for index in aged.ruleset.sets.indices {
            aged.ruleset.sets[index].elements = aged.ruleset.sets[index].elements.compactMap { element in
                guard let timeout = element.timeout else { return element }
                guard timeout > passed else { return nil }
                var element = element
                element.timeout = timeout - passed
                return element
            }
        }
        return aged
    }

    /// 16 hexadecimal digits that change when anything of it does but how long something still lasts.
    public var digest: String {
        var lasting = self
        lasting.madeAt = 0
        lasting.origin = nil
        for set in lasting.ruleset.sets.indices {
            for element in lasting.ruleset.sets[set].elements.indices {
                lasting.ruleset.sets[set].elements[element].timeout = nil
            }
        }
        return Fingerprint.hex(lasting.wire)
    }
}

/// How packets of intercepted zones reach the gateway: marks, policy routing and ports.
public struct Interception: Hashable, Sendable {
    /// What an intercepted session gets.
    public enum Purpose: UInt8, Hashable, Sendable, CaseIterable {
        /// The gateway's policies, then onward to the original destination.
        case relay = 0
        /// A 554 that tells the customer why.
        case explain = 1
    }

    /// Whose address the original destination sees.
    public enum Upstream: UInt8, Hashable, Sendable {
        case client = 0
        case own = 1
    }

    public struct Zone: Hashable, Sendable {
        public var name: String
        /// As the policy writes them: `lan0`, `ppp*`.
        public var interfaces: [InterfacePattern]
        public var purpose: Purpose
        public var upstream: Upstream

        public init(name: String, interfaces: [InterfacePattern], purpose: Purpose, upstream: Upstream) {
            self.name = name
            self.interfaces = interfaces
            self.purpose = purpose
            self.upstream = upstream
        }
    }

    /// On packets that are to be delivered here; only these bits of the mark are ours.
    public var mark: UInt32 = 0x25
    public var markMask: UInt32 = 0xFF
    /// On packets of the gateway's own connections to original destinations.
    public var upstreamMark: UInt32 = 0x2500
    /// The routing table with the one local route.
    public var routingTable: UInt32 = 2525
    /// `iif lo fwmark MARK lookup main`: what this machine itself sends never follows the mark.
    public var guardPreference: UInt32 = 99
    /// `fwmark MARK lookup TABLE`.
    public var preference: UInt32 = 100
    /// On 127.0.0.1 and ::1.
    public var relayPort: UInt16 = 10025
    public var explainPort: UInt16 = 10026
    public var zones: [Zone]

    public init(zones: [Zone]) {
        self.zones = zones
    }

    public func port(_ purpose: Purpose) -> UInt16 {
        switch purpose {
        case .relay: relayPort
        case .explain: explainPort
        }
    }
}

/// An interface's name, or the beginning of names: `lan0`, `ppp*`.
public struct InterfacePattern: Hashable, Sendable, CustomStringConvertible {
    /// The kernel's longest name, octets.
    public static let longest = 15

    /// Without the star.
    public let text: String
    public let isPrefix: Bool

    /// Nil for what cannot be a name: empty or longer than 15 octets, with a slash, a space, a quote or a star inside.
    public init?(_ pattern: String) {
        let isPrefix = pattern.hasSuffix("*")
        let text = isPrefix ? String(pattern.dropLast()) : pattern
        let isPlain = text.utf8.allSatisfy {
            (0x21...0x7E).contains($0) && ![0x2F, 0x2A, 0x22, 0x5C, 0x3A].contains($0)
        }
        guard isPlain, !text.isEmpty, text.utf8.count <= Self.longest, text != ".", text != ".." else { return nil }
        self.text = text
        self.isPrefix = isPrefix
    }

    public func matches(_ name: String) -> Bool {
        isPrefix ? name.hasPrefix(text) : name == text
    }

    /// Whether some name fits both.
    public func overlaps(_ other: InterfacePattern) -> Bool {
        switch (isPrefix, other.isPrefix) {
        case (false, _): other.matches(text)
        case (true, false): matches(other.text)
        case (true, true): text.hasPrefix(other.text) || other.text.hasPrefix(text)
        }
    }

    public var description: String { isPrefix ? text + "*" : text }
}

/// A short name for octets.
enum Fingerprint {
    /// FNV-1a, 64 bits, as 16 hexadecimal digits; no protection against intent.
    static func hex(_ octets: [UInt8]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for octet in octets { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
