// What a rule counts as once its file's mode and `run --monitor` are taken into account.

extension Mode {
    /// The weaker of both.
    public func capped(by cap: Mode) -> Mode {
        switch (self, cap) {
        case (.disabled, _), (_, .disabled): .disabled
        case (.monitor, _), (_, .monitor): .monitor
        case (.enforce, .enforce): .enforce
        }
    }
}

extension PolicyDefinition {
    /// The mode that `rule` is asked in; `isMonitored` is `run --monitor`.
    ///
    /// A rule that keeps passwords out of clear text stays enforced in a file or process that only monitors.
    public func mode(of rule: Rule, isMonitored: Bool = false) -> Mode {
        let cap = isMonitored ? mode.capped(by: .monitor) : mode
        if cap == .monitor, rule.mode == .enforce, rule.keepsPasswordsFromClearText { return .enforce }
        return rule.mode.capped(by: cap)
    }

    /// Whether AUTH without TLS has to be refused by a rule of ours: `policies` are asked on one listener, at least one
    /// of them only monitors, and none has a rule of its own that stays enforced.
    public static func needClearTextRule(_ policies: [PolicyDefinition], isMonitored: Bool = false) -> Bool {
        let isCapped = policies.contains { $0.mode != .disabled && (isMonitored || $0.mode == .monitor) }
        guard isCapped, !policies.contains(where: \.allows.cleartextAuth) else { return false }
        return !policies.contains { policy in
            policy.rules.contains {
                $0.keepsPasswordsFromClearText && policy.mode(of: $0, isMonitored: isMonitored) == .enforce
            }
        }
    }
}

extension Rule {
    /// What stands in where a listener that monitors has no rule of its own: `at: auth`, `when: not tls.active`.
    static let clearText = Rule(
        "auth-without-tls", at: .auth, when: !.field(.tlsActive),
        .reject(ReplyTemplate(538, "5.7.11 Encryption required for requested authentication mechanism")))

    /// A refusal `at: auth`, `when: not tls.active`, with or without exceptions.
    fileprivate var keepsPasswordsFromClearText: Bool {
        stage == .auth && over.isEmpty && action.reply != nil && when.isWithoutTLS
    }
}

extension Expression {
    /// `not tls.active`, `tls.active == false` or `tls.active != true`.
    fileprivate var isWithoutTLS: Bool {
        switch node {
        case .not(let inner): inner.node == .field(.tlsActive)
        case .compare(.equal, let a, let b): a.node == .field(.tlsActive) && b.node == .literal(.bool(false))
        case .compare(.unequal, let a, let b): a.node == .field(.tlsActive) && b.node == .literal(.bool(true))
        case _: false
        }
    }
}
