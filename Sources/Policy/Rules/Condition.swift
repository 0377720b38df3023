/// A test of facts, compiled to a flat array of nodes that evaluation reads by index.
///
/// Total and without side effects: it always ends, in time bounded by its size, and never traps.
public struct Condition: Sendable {
    /// Children come before their parents, so evaluation cannot loop.
    private let nodes: [Node]

    enum Node: Sendable {
        case always
        case fact(BooleanFact)
        case recipientDomain(in: DomainSet)
        case not(Int)
        case all(Int, Int)
        case any(Int, Int)
    }

    public func holds(for facts: borrowing Facts) -> Bool {
        holds(nodes.count - 1, facts)
    }

    private func holds(_ index: Int, _ facts: borrowing Facts) -> Bool {
        switch nodes[index] {
        case .always: true
        case .fact(let fact): fact.value(in: facts)
        case .recipientDomain(let domains): facts.recipient.map { domains.contains($0.domain) } ?? false
        case .not(let child): !holds(child, facts)
        case .all(let a, let b): holds(a, facts) && holds(b, facts)
        case .any(let a, let b): holds(a, facts) || holds(b, facts)
        }
    }
}

// MARK: Building

extension Condition {
    public static let always = Condition(nodes: [.always])

    public static func fact(_ fact: BooleanFact) -> Condition {
        Condition(nodes: [.fact(fact)])
    }

    /// Holds when the recipient's domain is in `domains`.
    public static func recipientDomain(in domains: DomainSet) -> Condition {
        Condition(nodes: [.recipientDomain(in: domains)])
    }

    public static prefix func ! (a: Condition) -> Condition {
        Condition(nodes: a.nodes + [.not(a.nodes.count - 1)])
    }

    public static func && (a: Condition, b: Condition) -> Condition {
        combine(a, b) { .all($0, $1) }
    }

    public static func || (a: Condition, b: Condition) -> Condition {
        combine(a, b) { .any($0, $1) }
    }

    private static func combine(_ a: Condition, _ b: Condition, _ node: (Int, Int) -> Node) -> Condition {
        let shift = a.nodes.count
        let moved = b.nodes.map { $0.shifted(by: shift) }
        return Condition(nodes: a.nodes + moved + [node(shift - 1, shift + moved.count - 1)])
    }
}

extension Condition.Node {
    fileprivate func shifted(by n: Int) -> Self {
        switch self {
        case .always, .fact, .recipientDomain: self
        case .not(let a): .not(a + n)
        case .all(let a, let b): .all(a + n, b + n)
        case .any(let a, let b): .any(a + n, b + n)
        }
    }
}

/// The facts that are true or false.
public enum BooleanFact: Sendable {
    case clientTalkedEarly
    case tlsActive
    case authOK
    case senderIsNull
    case recipientHasRouting
    /// `<postmaster>` without a domain (RFC 5321 4.5.1).
    case recipientIsPostmaster

    func value(in facts: borrowing Facts) -> Bool {
        switch self {
        case .clientTalkedEarly: facts.client.talkedEarly
        case .tlsActive: facts.tls != nil
        case .authOK: facts.auth.user != nil
        case .senderIsNull: facts.sender?.isNull ?? false
        case .recipientHasRouting: facts.recipient?.hasRouting ?? false
        case .recipientIsPostmaster: facts.recipient?.domain.isEmpty ?? false
        }
    }
}
