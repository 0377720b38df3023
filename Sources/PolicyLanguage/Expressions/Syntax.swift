/// An expression as it was written, before anything is known of its names and types.
///
/// Nesting is bounded by the parser, so walking it recursively is safe.
indirect enum Syntax: Sendable {
    case constant(Constant, Range<Int>)
    case name(String, Range<Int>)
    /// `lists.owners[sender.address]`.
    case lookup(list: String, key: Syntax, Range<Int>)
    /// `has(field)`; the path's own range is the second.
    case has(String, Range<Int>, at: Range<Int>)
    case not(Syntax, Range<Int>)
    case logical(isAnd: Bool, Syntax, Syntax)
    case comparison(Comparison, Syntax, Syntax, at: Range<Int>)
    case membership(Syntax, Syntax, isNegated: Bool, at: Range<Int>)
    case set([Syntax], Range<Int>)
    /// Stands where the parser reported a fault.
    case fault(Range<Int>)

    enum Comparison: String, Sendable {
        case equal = "=="
        case unequal = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case matches
        case startsWith
        case endsWith
        case contains
    }

    /// All octets of it.
    var range: Range<Int> {
        switch self {
        case .constant(_, let range), .name(_, let range), .lookup(_, _, let range), .has(_, _, let range),
            .set(_, let range), .fault(let range):
            range
        case .not(let child, let symbol): symbol.lowerBound..<child.range.upperBound
        case .logical(_, let a, let b), .comparison(_, let a, let b, _), .membership(let a, let b, _, _):
            a.range.lowerBound..<b.range.upperBound
        }
    }
}
