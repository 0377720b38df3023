/// One expression, compiled by itself: for `explain`, which wants the value of every part.
public struct Condition: Sendable {
    private let program: Program
    private let root: Int32
    private let limits: [String]

    /// `lists` are the policy's; `limits` names those whose `remaining` it may read; `realm` completes logins.
    public init(
        _ expression: Expression, lists: [String: List] = [:], limits: [String] = [], realm: [UInt8]? = nil
    ) throws(CompileFault) {
        var builder = ProgramBuilder(realm: realm)
        builder.names.lists = lists
        for (index, name) in limits.enumerated() { builder.names.limits[name] = Int32(clamping: index) }
        root = try builder.condition(expression)
        program = Program(builder)
        self.limits = limits
    }

    /// Whether it holds; nil when a pattern took too many steps.
    public func holds(
        for facts: borrowing Facts, scratch: MatchScratch = MatchScratch(), remaining: [String: Int64] = [:]
    ) -> Bool? {
        var run = Program.Run(scratch: scratch, remaining: limits.map { remaining[$0] ?? 0 })
        switch program.truth(root, facts, &run) {
        case .yes: return true
        case .no: return false
        case .failed: return nil
        }
    }
}

extension Expression {
    /// The fields that it names, each once, in the order of the table.
    public var fields: [Field] {
        var found: Set<Field> = []
        collect(&found)
        return Field.allCases.filter(found.contains)
    }

    /// The limits whose `remaining` it reads.
    public var limits: [String] {
        switch node {
        case .remaining(let limit): [limit]
        case .literal, .field, .has: []
        case .not(let a), .matches(let a, _), .inList(let a, _), .inItems(let a, _), .inWords(let a, _): a.limits
        case .and(let a, let b), .or(let a, let b), .compare(_, let a, let b), .textTest(_, let a, let b),
            .inMap(let a, _, let b):
            a.limits + b.limits
        }
    }

    private func collect(_ found: inout Set<Field>) {
        switch node {
        case .literal, .remaining: break
        case .field(let field), .has(let field): found.insert(field)
        case .not(let a), .matches(let a, _), .inList(let a, _), .inItems(let a, _): a.collect(&found)
        case .inWords(let a, let field):
            a.collect(&found)
            found.insert(field)
        case .and(let a, let b), .or(let a, let b), .compare(_, let a, let b), .textTest(_, let a, let b),
            .inMap(let a, _, let b):
            a.collect(&found)
            b.collect(&found)
        }
    }
}
