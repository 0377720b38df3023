public import Bytes

/// What is remembered of clients and accounts from session to session, besides the buckets of limits.
public struct PeerBooks: Sendable {
    public let bans: BanTable
    public let logins: LoginBook
    public let accounts: AccountBook

    /// `exclusion` makes the locks.
    public init(exclusion: () -> any Exclusion = { NoExclusion() }) {
        bans = BanTable(exclusion: exclusion())
        logins = LoginBook(exclusion: exclusion())
        accounts = AccountBook(exclusion: exclusion)
    }

    /// Books of their own for logins that other servers judge, with the bans of everybody.
    public init(bans: BanTable, exclusion: () -> any Exclusion = { NoExclusion() }) {
        self.bans = bans
        logins = LoginBook(exclusion: exclusion())
        accounts = AccountBook(exclusion: exclusion)
    }

    /// How a client is received.
    public enum Standing: Hashable, Sendable {
        case free
        /// Banned, but somebody logged in from its net lately: only its new logins are put off.
        case withoutLogin(BanEntry)
        case banned(BanEntry)
    }

    /// The standing of a client at `address` that counts as `net`.
    ///
    /// An operator's ban holds for everybody; a rule's spares the nets of those who can log in.
    public func standing(of address: IPAddress, in net: AddressPrefix, now: UInt64) -> Standing {
        guard let ban = bans.ban(of: address, now: now) else { return .free }
        return !ban.isManual && logins.isGood(net, now: now) ? .withoutLogin(ban) : .banned(ban)
    }
}
