/// Brings conditions into clauses of atoms.
///
/// `not` moves inwards, `or` is multiplied out as far as it stays small. Whatever is dropped only makes fewer rules be
/// passed over.
struct ClauseBuilder {
    /// Alternatives, each a literal: twice an atom's number, and one more where the atom must not hold.
    typealias Clause = [Int32]

    /// Clauses of one rule, and alternatives of one clause, at most.
    private static let mostClauses = 8
    private static let mostAlternatives = 16

    private let program: Program
    private(set) var atoms: [Atom] = [.never]
    private var places: [Atom: Int32] = [.never: 0]

    init(_ program: Program) {
        self.program = program
    }

    /// All of them must hold for the rule to hold; simple ones first.
    mutating func clauses(of rule: (when: Int32, unless: Int32)) -> [Clause] {
        var all = clauses(rule.when, isNegated: false)
        if rule.unless >= 0 { all += clauses(rule.unless, isNegated: true) }
        return Array(all.sorted { $0.count < $1.count }.prefix(Self.mostClauses))
    }

    /// None where nothing is known.
    private mutating func clauses(_ node: Int32, isNegated: Bool) -> [Clause] {
        switch program.nodes[Int(node)] {
        case .constant(let truth):
            let isFalse = truth == (isNegated ? .yes : .no)
            return isFalse ? [[0]] : []
        case .not(let child): return clauses(child, isNegated: !isNegated)
        case .all(let a, let b):
            let (first, second) = (clauses(a, isNegated: isNegated), clauses(b, isNegated: isNegated))
            return isNegated ? Self.either(first, second) : first + second
        case .any(let a, let b):
            let (first, second) = (clauses(a, isNegated: isNegated), clauses(b, isNegated: isNegated))
            return isNegated ? first + second : Self.either(first, second)
        case .texts(equal: false, let a, let b):
            return unequal(a, b, isNegated)
        case .inNumbers(.field(let field), let list) where !isNegated:
            return [program.numberLists[Int(list)].map { literal(.number(field, .equal, $0), false) }].filter(
                Self.isSmall)
        case let atomic:
            guard let atom = Atom(atomic, program), !isNegated || atom.isExact else { return [] }
            return [[literal(atom, isNegated)]]
        }
    }

    /// `a != b` is false, as every comparison is, where a value is absent.
    private mutating func unequal(_ a: Program.Operand, _ b: Program.Operand, _ isNegated: Bool) -> [Clause] {
        guard let equal = Atom(.texts(equal: true, a, b), program), case .text(let field, _) = equal else { return [] }
        let (isThere, isEqual) = (literal(.has(field), isNegated), literal(equal, !isNegated))
        return isNegated ? [[isThere, isEqual]] : [[isThere], [isEqual]]
    }

    /// The clauses of `a or b`; what is unknown of one side makes the whole unknown.
    private static func either(_ a: [Clause], _ b: [Clause]) -> [Clause] {
        Array(a.flatMap { first in b.map { first + $0 } }.filter(isSmall).prefix(mostClauses))
    }

    private static func isSmall(_ clause: Clause) -> Bool { clause.count <= mostAlternatives }

    private mutating func literal(_ atom: Atom, _ isNegated: Bool) -> Int32 {
        let place = places[atom] ?? Int32(clamping: atoms.count)
        if Int(place) == atoms.count {
            atoms.append(atom)
            places[atom] = place
        }
        return place << 1 | (isNegated ? 1 : 0)
    }
}
