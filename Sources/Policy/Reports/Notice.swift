public import Bytes

/// What an operator is told when a rule that says `notify: true` has matched.
public struct Notice: Hashable, Sendable {
    public let rule: RuleID
    public let listener: String
    public let client: IPAddress
    public let net: AddressPrefix
    /// The login that holds.
    public let user: [UInt8]?
    public let sid: String
    /// Nanoseconds for which the client's net is kept away, if it is.
    public let banned: UInt64?
    /// Nanoseconds for which the account is held, if it is.
    public let held: UInt64?

    public init(
        rule: RuleID, listener: String, client: IPAddress, net: AddressPrefix, user: [UInt8]?, sid: String,
        banned: UInt64?, held: UInt64?
    ) {
        self.rule = rule
        self.listener = listener
        self.client = client
        self.net = net
        self.user = user
        self.sid = sid
        self.banned = banned
        self.held = held
    }
}
