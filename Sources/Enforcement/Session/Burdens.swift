/// What a session carries only if rules lay it on it.
struct Burdens {
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
    var accounts: Accounts {
        get { burdens?.accounts ?? Accounts() }
        set { carry { $0.accounts = newValue } }
    }

    var commandDelay: UInt64 {
        get { burdens?.commandDelay ?? 0 }
        set { carry { $0.commandDelay = newValue } }
    }

    var tarpit: UInt64 {
        get { burdens?.tarpit ?? 0 }
        set { carry { $0.tarpit = newValue } }
    }

    var heldUntil: UInt64? {
        get { burdens?.heldUntil }
        set { carry { $0.heldUntil = newValue } }
    }

    var refusedAt: UInt64? {
        get { burdens?.refusedAt }
        set { carry { $0.refusedAt = newValue } }
    }

    /// A session that carries nothing stays without.
    private mutating func carry(_ change: (inout Burdens) -> Void) {
        let carried = burdens
        var changed = carried ?? Burdens()
        change(&changed)
        if changed.isEmpty {
            if carried != nil { burdens = nil }
        } else {
            burdens = changed
        }
    }
}
