public import Diagnostics
public import FirewallPlan

/// A policy of `kind: egress` whose file has no error.
public struct LoadedEgress: Sendable, Hashable {
    public let policy: EgressPolicy
    /// The file, as the operator named it.
    public let file: String
    /// The place of its name.
    public let nameRange: SourceRange
    /// 16 hexadecimal digits that change when the file or one of its list files does.
    public let hash: String
    /// Absolute paths of the files that its lists are read from.
    public let listFiles: [String]
    /// The places of zones, by name.
    public let zoneRanges: [String: SourceRange]

    /// Zones whose sessions the gateway answers, which needs a listener with `egress:`.
    public var interceptingZones: [EgressPolicy.Zone] { policy.zones.filter { $0.purpose != nil } }

    /// Two policies are the same if they were read from the same texts.
    public static func == (a: LoadedEgress, b: LoadedEgress) -> Bool {
        (a.policy.name, a.hash) == (b.policy.name, b.hash)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(policy.name)
        hasher.combine(hash)
    }
}
