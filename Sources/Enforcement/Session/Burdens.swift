/// What a session carries only if rules lay it on it; an object of its own, since most sessions have none.
final class Burdens {
    var accounts = Accounts()
    /// How long the reply to the command in hand is to be held back, nanoseconds.
    var commandDelay: UInt64 = 0
    /// How long every reply is held back, nanoseconds.
    var tarpit: UInt64 = 0
    /// When the oldest reply may be written; nil while none is held back.
    var heldUntil: UInt64?
    /// When the listener refused the connection with a 554 greeting: only QUIT is served from then on.
    var refusedAt: UInt64?

    var isEmpty: Bool {
        accounts.isEmpty && commandDelay == 0 && tarpit == 0 && heldUntil == nil && refusedAt == nil
    }
}

extension Conversation {
    var commandDelay: UInt64 {
        get { burdens?.commandDelay ?? 0 }
        set { if burdens != nil || newValue != 0 { carry { $0.commandDelay = newValue } } }
    }

    var tarpit: UInt64 {
        get { burdens?.tarpit ?? 0 }
        set { if burdens != nil || newValue != 0 { carry { $0.tarpit = newValue } } }
    }

    var heldUntil: UInt64? {
        get { burdens?.heldUntil }
        set { if burdens != nil || newValue != nil { carry { $0.heldUntil = newValue } } }
    }

    var refusedAt: UInt64? {
        get { burdens?.refusedAt }
        set { if burdens != nil || newValue != nil { carry { $0.refusedAt = newValue } } }
    }

    var accounts: Accounts {
        get { burdens?.accounts ?? Accounts() }
        set { if burdens != nil || !newValue.isEmpty { carry { $0.accounts = newValue } } }
    }

    /// What an account has paid.
    func payments(of account: Account) -> Payments { burdens?.accounts[account] ?? Payments() }

    /// What an account has paid from here on.
    mutating func setPayments(of account: Account, to payments: Payments) {
        if burdens != nil || !payments.isEmpty { carry { $0.accounts[account] = payments } }
    }

    /// What the command in hand has paid is paid by `account` too.
    mutating func chargeCommand(to account: Account) {
        if let burdens { setPayments(of: account, to: burdens.accounts[.command]) }
    }

    /// A new command has paid nothing and delays nothing.
    mutating func forgetBurdensOfCommand() {
        if burdens == nil { return }
        carry {
            $0.accounts[.command] = Payments()
            $0.commandDelay = 0
        }
    }

    /// A session that carries nothing stays without.
    private mutating func carry(_ change: (Burdens) -> Void) {
        let carried = burdens ?? Burdens()
        change(carried)
        burdens = carried.isEmpty ? nil : carried
    }
}
