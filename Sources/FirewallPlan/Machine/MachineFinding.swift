/// What of a machine does not fit a policy, under a stable code; docs/FIREWALL.md lists them.
public enum MachineCode: String, Hashable, Sendable, CaseIterable {
    case absentInterface = "W331"
    case wholeZone = "W332"
    case noForwarding = "W333"
    case oneFamilyOnly = "W334"
    case hostOutsideZones = "W335"
    case borrowableAddress = "W336"
    case logGroupTaken = "W341"
    case preferenceTaken = "W342"
    case routingTableTaken = "W343"
    case markTaken = "W344"
    case tableTaken = "W345"
    case guardMissing = "W346"
    case inputDrops = "W347"
    case flowtable = "W348"
}

/// One of them, in words for the operator.
public struct MachineFinding: Hashable, Sendable {
    public var code: MachineCode
    /// The zone that it is about; nil for the policy as a whole.
    public var zone: String?
    /// What is wrong, without a final stop.
    public var message: String
    /// What to do about it.
    public var hint: String

    public init(_ code: MachineCode, zone: String? = nil, _ message: String, hint: String) {
        (self.code, self.zone, self.message, self.hint) = (code, zone, message, hint)
    }
}
