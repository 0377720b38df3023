// Who meets whom in one session: listener, policies, servers, all from the seed.

import Bytes
import Enforcement
import Policy
import SMTPSession

struct Setting {
    var isSubmission: Bool
    var isValidClient: Bool
    var tls: SessionContext.ListenerTLS
    var identity: BackendIdentity
    var backendTLS: BackendTLS
    var limits = ProtocolLimits()
    var policies: [PolicyDefinition]
    var servers: [Temper]
    var promise = Promise()
    /// The client leaves without QUIT.
    var clientLeaves: Bool
    /// With a shared store, of a hundred questions to it so many meet a fault.
    var storeFaults: Int?

    /// What the store and its limits are like is drawn apart, so that sessions without one are the same as ever.
    init(_ numbers: inout Numbers, _ chances: inout Numbers) {
        isSubmission = numbers.once(in: 2)
        isValidClient = !numbers.once(in: 3)
        tls =
            isSubmission
            ? numbers.pick([.starttls, .implicit], else: .starttls) : numbers.pick([.none, .starttls], else: .none)
        identity = numbers.pick([.none, .xclient, .proxyV1, .proxyV2], else: .none)
        backendTLS = numbers.once(in: 4) ? .starttls : .none
        let isFlawless = isValidClient && numbers.once(in: 2)
        servers = (0..<(1 + numbers.below(3))).map { _ in Temper(&numbers, mayRefuse: !isFlawless) }
        clientLeaves = numbers.once(in: 6)
        let builtIn = isSubmission ? BuiltInPolicy.submission : .inbound
        policies = [builtIn.policy(ourDomains: .domains(["example.com"]))]
        promise.needsTLS = isSubmission
        promise.needsLogin = isSubmission
        promise.domain = isSubmission ? nil : "example.com"
        promise.isFlawless = isFlawless
        limit(&numbers)
        if !isFlawless { addRules(&numbers) }
        if chances.once(in: 3) { share(&chances, isFlawless: isFlawless) }
    }

    private mutating func share(_ chances: inout Numbers, isFlawless: Bool) {
        storeFaults = chances.pick([0, 10, 60], else: 0)
        let losses: [LimitDefinition.StoreLoss] = isFlawless ? [.local, .open] : [.local, .open, .closed]
        let stages: [Stage] = [.connect, .helo, .auth, .login, .authReply, .mail, .rcpt, .rcptReply, .data, .message]
        var limits: [LimitDefinition] = []
        var rules: [Rule] = []
        for index in 0..<(1 + chances.below(4)) {
            let stage = chances.pick(stages, else: .rcpt)
            let name = "shared\(index)"
            limits.append(
                LimitDefinition(
                    name: name, key: [.clientNet], count: 1, period: 1_000_000_000,
                    burst: isFlawless ? 100_000 : UInt64(1 + chances.below(12)),
                    counts: chances.once(in: 2) ? .accepted : .attempted,
                    scope: chances.once(in: 4) ? .node : .cluster, onStoreLoss: chances.pick(losses, else: .local)))
            let over = chances.once(in: 3) ? limits.map(\.name) : [name]
            rules.append(Rule("s\(index)", at: stage, over: over, refusal(at: stage)))
        }
        policies.insert(PolicyDefinition(name: "shared", limits: limits, rules: rules, otherwise: .accept), at: 0)
    }

    private func refusal(at stage: Stage) -> Action {
        switch stage {
        case .connect, .rcptReply: .drop(ReplyTemplate(421, "4.7.0 enough"))
        case _: .defer(ReplyTemplate(450, "4.7.1 enough"))
        }
    }

    private mutating func limit(_ numbers: inout Numbers) {
        limits.authFailDelay = numbers.once(in: 3) ? 1_000_000_000 : 0
        limits.maxErrors = isValidClient ? 1000 : 20
        if numbers.once(in: 8) { limits.greetWait = 2_000_000_000 }
        guard !isValidClient else { return }
        limits.bareNewline = numbers.pick([.reject, .reject, .normalize, .policy], else: .reject)
        promise.mends = limits.bareNewline != .reject
        if numbers.once(in: 5) { limits.maxMessageSize = 200 }
        if numbers.once(in: 5) { limits.maxSizeExcess = 50 }
        if numbers.once(in: 8) { limits.chunking = false }
        if numbers.once(in: 8) { limits.maxMessages = 1 }
        if numbers.once(in: 8) { limits.maxRecipients = 2 }
    }

    private mutating func addRules(_ numbers: inout Numbers) {
        let stages: [Stage] = [
            .connect, .helo, .starttls, .auth, .login, .authReply, .mail, .rcpt, .rcptReply, .data, .message,
        ]
        var rules: [Rule] = []
        for index in 0..<numbers.below(3) {
            let stage = numbers.pick(stages, else: .rcpt)
            let condition: Expression = numbers.pick(
                [.always, .field(.tlsActive), .field(.authOK), .field(.senderIsNull), !.equal(.rcptDomain, .text(""))],
                else: .always)
            let mode: Mode = numbers.pick([.enforce, .monitor], else: .enforce)
            rules.append(Rule("r\(index)", at: stage, mode: mode, when: condition, action(at: stage, &numbers)))
        }
        guard !rules.isEmpty else { return }
        policies.append(PolicyDefinition(name: "random", rules: rules, otherwise: .accept))
        policies.reverse()
    }

    private func action(at stage: Stage, _ numbers: inout Numbers) -> Action {
        switch numbers.below(4) {
        case 0 where stage != .rcpt && stage != .mail: .skip
        case 1: .drop(ReplyTemplate(numbers.pick([421, 554], else: 421), "4.7.0 dropped"))
        case 2 where stage != .connect: .defer(ReplyTemplate(450, "4.7.1 later"))
        case _: .reject(ReplyTemplate(554, "5.7.1 no"))
        }
    }

    var context: SessionContext {
        SessionContext(
            hostname: "mx.example", listener: ListenerFacts(name: "l", port: isSubmission ? 587 : 25), tls: tls,
            limits: limits, timeouts: Timeouts(), book: RuleBook(policies),
            backend: SessionContext.Backend(
                name: "b", identity: identity, tls: backendTLS, judgesLogins: isSubmission, realm: octets("example.org")
            ))
    }
}
