/// Turns the rules of policies into the entries of one book.
struct RuleCompiler {
    private(set) var entries: [RuleBook.Entry] = []
    /// The entries of each stage.
    private(set) var stages: [Range<Int>] = []
    private(set) var limits: [BookLimit] = []
    private(set) var faults: [RuleFault] = []
    private(set) var outcomeReaders: StageSet = []
    private(set) var asked: StageSet = []
    private(set) var accountReaders: StageSet = []
    /// What rules of stage `message` use.
    private(set) var messageFields: Set<Field> = []
    private(set) var builder: ProgramBuilder

    private let isMonitored: Bool
    private let guardsLogins: Bool
    /// By family: the same limit is one place, however many rules name it.
    private var places: [UInt64: Int] = [:]

    init(realm: [UInt8]?, isMonitored: Bool, guardsLogins: Bool) {
        self.isMonitored = isMonitored
        self.guardsLogins = guardsLogins
        builder = ProgramBuilder(realm: realm)
    }

    /// Adds the rules of one stage; to be called for all stages in order.
    mutating func compile(_ stage: Stage, _ policies: [PolicyDefinition]) {
        let start = entries.count
        for (index, policy) in policies.enumerated() {
            for rule in policy.rules where rule.stage == stage {
                let mode = policy.mode(of: rule, isMonitored: isMonitored)
                if mode == .disabled { continue }
                add(rule, mode, of: policy, Int32(clamping: index))
            }
        }
        if guardsLogins, stage == .auth, PolicyDefinition.needClearTextRule(policies, isMonitored: isMonitored) {
            addClearTextRule(behind: policies)
        }
        if entries.count > start { asked.insert(stage) }
        stages.append(start..<entries.count)
    }

    /// Belongs to no policy, so that no `skip` passes over it.
    private mutating func addClearTextRule(behind policies: [PolicyDefinition]) {
        let isInside = builder.add(.flag(.tlsActive))
        let when = builder.add(.not(isInside))
        entries.append(
            RuleBook.Entry(
                id: .builtIn(Rule.clearText.id), mode: .enforce, when: when, unless: -1, over: [], reads: [],
                action: Rule.clearText.action, ban: nil, notifies: false, policy: Int32(clamping: policies.count)))
    }

    private mutating func add(_ rule: Rule, _ mode: Mode, of policy: PolicyDefinition, _ index: Int32) {
        let id = RuleID(policy: policy.name, rule: rule.id)
        builder.names = ProgramBuilder.Names(lists: policy.lists)
        var when: Int32
        var unless: Int32 = -1
        var over: [Int] = []
        var reads: [Int] = []
        do throws(CompileFault) {
            reads = try readLimits(rule, of: policy)
            over = try rule.over.map { name throws(CompileFault) in try place(name, of: policy, rule, mode) }
            when = try builder.condition(rule.when)
            if let exception = rule.unless { unless = try builder.condition(exception) }
        } catch {
            faults.append(RuleFault(rule: id, fault: error))
            (over, reads, unless) = ([], [], -1)
            when = builder.add(.constant(.failed))
        }
        let fields = rule.fields(limits: policy.limits)
        if fields.contains(where: \.isOutcome) { outcomeReaders.insert(rule.stage) }
        if fields.contains(where: \.isOfAccount) { accountReaders.insert(rule.stage) }
        if rule.stage == .message { messageFields.formUnion(fields) }
        entries.append(
            RuleBook.Entry(
                id: id, mode: mode, when: when, unless: unless, over: over, reads: reads, action: rule.action,
                ban: rule.ban, notifies: rule.notifies, policy: index))
    }

    /// `limits.NAME.remaining` is of the buckets that enforced rules charge.
    private mutating func readLimits(_ rule: Rule, of policy: PolicyDefinition) throws(CompileFault) -> [Int] {
        var found: [Int] = []
        for name in rule.when.limits + (rule.unless?.limits ?? []) + (rule.action.reply?.limits ?? []) {
            let place = try place(name, of: policy, rule, .enforce)
            builder.names.limits[name] = Int32(clamping: place)
            if !found.contains(place) { found.append(place) }
        }
        return found
    }

    private mutating func place(
        _ name: String, of policy: PolicyDefinition, _ rule: Rule, _ mode: Mode
    ) throws(CompileFault) -> Int {
        guard let definition = policy.limits.first(where: { $0.name == name }) else {
            throw CompileFault("no limit '\(name)'")
        }
        let limit = BookLimit(definition, policy: policy.name, monitoredRule: mode == .monitor ? rule.id : nil)
        if let known = places[limit.family] { return known }
        limits.append(limit)
        places[limit.family] = limits.count - 1
        return limits.count - 1
    }
}

extension Rule {
    /// Everything that it uses: in conditions, keys and replies.
    fileprivate func fields(limits: [LimitDefinition]) -> [Field] {
        let names = over + when.limits + (unless?.limits ?? []) + (action.reply?.limits ?? [])
        let named = limits.filter { names.contains($0.name) }
        let shown = (action.reply?.parts ?? []).compactMap { part -> Field? in
            if case .field(let field) = part { field } else { nil }
        }
        return when.fields + (unless?.fields ?? []) + named.flatMap(\.key) + shown
    }
}

/// What rules want to know of a message's content, which costs time to find out.
public struct MessageObservation: Hashable, Sendable {
    /// Its `From:`, `Subject:` or `Received:` fields.
    public let header: Bool
    /// Its longest line.
    public let lines: Bool

    /// nil if they want nothing.
    init?(_ fields: Set<Field>) {
        header = !fields.isDisjoint(with: [
            .fromHeaderCount, .fromHeaderAddress, .fromHeaderDomain, .messageSubject, .messageReceivedCount,
        ])
        lines = fields.contains(.messageLineMax)
        if !header, !lines { return nil }
    }

    /// Both or one of them.
    public init(header: Bool, lines: Bool) {
        self.header = header
        self.lines = lines
    }
}
