internal import Bytes
public import Diagnostics
internal import Policy

/// What a guard has to know of a listener.
public struct GuardedListener: Sendable {
    public enum TLS: Sendable { case none, starttls, implicit }

    public var name: String
    public var port: UInt16
    public var tls: TLS
    /// Whether AUTH can be offered at all: the backend judges logins.
    public var offersAuth: Bool
    /// Where findings are shown.
    public var range: SourceRange

    public init(name: String, port: UInt16, tls: TLS, offersAuth: Bool, range: SourceRange) {
        self.name = name
        self.port = port
        self.tls = tls
        self.offersAuth = offersAuth
        self.range = range
    }
}

/// What no policy file can forget: relaying for anybody, submission without a login, passwords in clear.
///
/// Rules in monitor mode count as absent. A whole file in monitor mode is judged as it will be once it is enforced:
/// until then the self-test stands in for it.
public struct LoadGuard: Sendable {
    /// Ports where users hand mail in.
    public static let submissionPorts: Set<UInt16> = [465, 587, 2525]

    private let listener: GuardedListener
    private let policies: [LoadedPolicy]
    private let asked: [StagePassage.Asked]
    /// The same as if files in monitor mode were enforced.
    private let enforced: [StagePassage.Asked]
    private let ourDomains: [String]

    private init(_ listener: GuardedListener, _ policies: [LoadedPolicy], _ ourDomains: [String]) {
        self.listener = listener
        self.policies = policies
        asked = policies.map {
            StagePassage.Asked(definition: $0.definition(ourDomains: ourDomains), wideLists: $0.wideLists)
        }
        enforced = asked.map {
            var definition = $0.definition
            if definition.mode == .monitor { definition.mode = .enforce }
            return StagePassage.Asked(definition: definition, wideLists: $0.wideLists)
        }
        self.ourDomains = ourDomains
    }

    /// Why `listener` must not be opened with `policies`, asked in this order; empty if it may.
    public static func findings(
        _ listener: GuardedListener, policies: [LoadedPolicy], ourDomains: [String]
    ) -> [Finding] {
        let check = LoadGuard(listener, policies, ourDomains)
        return [
            check.openRelay(check.enforced), check.unauthenticated(check.enforced), check.cleartextAuth(),
            check.monitoring(),
        ].compactMap(\.self)
    }

    /// A file in monitor mode leaves relaying to the backend.
    ///
    /// It loads all the same, since sessions only go to servers
    /// that the self-test has proved to refuse it; who reads `check` has to know.
    private func monitoring() -> Finding? {
        let names = asked.filter { $0.definition.mode == .monitor }.map(\.definition.name)
        guard !names.isEmpty, openRelay(enforced) == nil, openRelay(asked) != nil || unauthenticated(asked) != nil
        else {
            return nil
        }
        return Finding(
            .warning, PolicyCode.onlyMonitors.rawValue, at: listener.range,
            "listener '\(listener.name)' leaves relaying to its backend: \(names.joined(separator: ", ")) only monitors",
            notes: ["it serves only backends that the self-test has seen refuse to relay"])
    }

    // MARK: The guards

    private func openRelay(_ asked: [StagePassage.Asked]) -> Finding? {
        guard !asked.contains(where: \.definition.allows.openRelay) else { return nil }
        for recipient in recipients() {
            guard let rule = passage(asked, recipient, [.connect, .helo, .mail, .rcpt, .data, .message], at: .rcpt)
            else {
                continue
            }
            let address = String(decoding: recipient.shown, as: UTF8.self)
            return finding(
                .openRelay, "listener '\(listener.name)' would relay for anybody", .openRelay,
                ["RCPT TO:<\(address)> from an outsider passes by \(rule)"])
        }
        return nil
    }

    private func unauthenticated(_ asked: [StagePassage.Asked]) -> Finding? {
        guard Self.submissionPorts.contains(listener.port), !asked.contains(where: \.definition.allows.unauthenticated),
            let recipient = recipients().first,
            let rule = passage(asked, recipient, [.connect, .helo, .mail], at: .mail)
        else { return nil }
        return finding(
            .unauthenticated, "listener '\(listener.name)' passes MAIL without a login", .unauthenticated,
            ["port \(listener.port) is for users; MAIL without a login passes by \(rule)"])
    }

    private func cleartextAuth() -> Finding? {
        guard listener.offersAuth, listener.tls != .implicit, !asked.contains(where: \.definition.allows.cleartextAuth),
            !PolicyDefinition.needClearTextRule(asked.map(\.definition)), let recipient = recipients().first,
            let rule = passage(asked, recipient, [.connect, .helo, .auth], at: .auth, worlds: [false])
        else { return nil }
        return finding(
            .cleartextAuth, "listener '\(listener.name)' offers AUTH without TLS", .cleartextAuth,
            ["AUTH passes by \(rule) while tls.active is false"])
    }

    private func finding(
        _ code: PolicyCode, _ message: String, _ acknowledgement: Acknowledgement, _ notes: [String]
    ) -> Finding {
        let names = policies.map(\.name).joined(separator: ", ")
        return Finding(
            .error, code.rawValue, at: listener.range, message, hint: "refuse it in a rule of \(names)",
            notes: notes + [
                "or say '\(acknowledgement.rawValue): \"\(PolicyKeys.understood)\"' in one of its policies; "
                    + "rules in monitor mode count as absent"
            ])
    }

    // MARK: Passing

    /// The rule by which an outsider passes all `stages`: the one of stage `shown`.
    private func passage(
        _ asked: [StagePassage.Asked], _ candidate: Candidate, _ stages: [Stage], at shown: Stage, worlds: [Bool]? = nil
    ) -> RuleID? {
        let facts = ListenerFacts(name: listener.name, port: listener.port)
        for isInsideTLS in worlds ?? self.worlds {
            var outsider = Outsider(
                listener: facts, isInsideTLS: isInsideTLS, recipient: candidate.recipient)
            var result: RuleID?
            var isThrough = true
            for stage in stages {
                let passage = StagePassage(asked, at: stage)
                guard let rule = passage.passage(of: outsider) else {
                    isThrough = false
                    break
                }
                if stage == shown { result = rule }
                outsider.tags.formUnion(passage.tags(of: outsider))
            }
            if isThrough { return result }
        }
        return nil
    }

    private var worlds: [Bool] {
        switch listener.tls {
        case .none: [false]
        case .starttls: [false, true]
        case .implicit: [true]
        }
    }

    // MARK: Recipients

    struct Candidate {
        let recipient: RecipientFacts
        /// As a client writes it.
        let shown: [UInt8]
    }

    /// A domain that nobody has (RFC 2606 §2).
    private static let foreign = "relay-check.invalid"

    /// A foreign recipient, and the forms by which one of ours may be routed onwards.
    private func recipients() -> [Candidate] {
        let foreign = Self.foreign
        var result = [candidate("user", foreign, routing: false)]
        for ours in ourExamples() {
            result.append(candidate("user%\(foreign)", ours, routing: true))
            result.append(candidate("\(foreign)!user", ours, routing: true))
            result.append(candidate("\"user@\(foreign)\"", ours, routing: true))
        }
        if let ours = ourExamples().first {
            let route = "@\(ours):user@\(foreign)"
            let facts = candidate("user", foreign, routing: true).recipient
            result.append(Candidate(recipient: facts, shown: Array(route.utf8)))
        }
        return result
    }

    private func ourExamples() -> [String] {
        ourDomains.prefix(20).map { $0.hasPrefix(".") ? "host" + $0 : $0 }
    }

    private func candidate(_ local: String, _ domain: String, routing: Bool) -> Candidate {
        let (local, domain) = (Array(local.utf8), Array(domain.utf8))
        return Candidate(
            recipient: RecipientFacts(local: local, domain: domain, hasRouting: routing),
            shown: local + [ASCII.at] + domain)
    }
}
