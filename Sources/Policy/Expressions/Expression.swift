/// A checked expression: a typed tree as the language builds it.
///
/// Its meaning is CEL's: no side effects, always an answer, cost bounded by its size. A part that is about an absent
/// value is false; the language refuses expressions in which that could matter.
public struct Expression: Hashable, Sendable {
    public indirect enum Node: Hashable, Sendable {
        // Values.
        case literal(Literal)
        case field(Field)
        /// `limits.NAME.remaining`: how many more events the limit would pass now.
        case remaining(limit: String)

        // Truth values; a `field` or `literal` of type bool is one too.
        case has(Field)
        case not(Expression)
        case and(Expression, Expression)
        case or(Expression, Expression)
        case compare(Comparison, Expression, Expression)
        case textTest(TextTest, Expression, Expression)
        /// PCRE2, anywhere in the text.
        case matches(Expression, pattern: String)
        /// `x in lists.NAME`.
        case inList(Expression, list: String)
        /// `x in lists.NAME[key]`, a list of kind map; no entry is false.
        case inMap(Expression, list: String, key: Expression)
        /// `x in [a, b]`; of an address also `in [10.0.0.0/8]`.
        case inItems(Expression, [Literal])
        /// `x in session.tags`.
        case inWords(Expression, Field)
    }

    public var node: Node
    /// Where it stands, octets from the beginning of the text it was parsed from; empty where nobody wrote it.
    public var source: Range<Int>

    public init(_ node: Node, source: Range<Int> = 0..<0) {
        self.node = node
        self.source = source
    }

    /// Levels of nesting that compile; what is deeper fails to.
    public static let maxDepth = 64
}

public enum Comparison: String, Hashable, Sendable, CaseIterable {
    case equal = "=="
    case unequal = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="

    public var isOrdering: Bool { self != .equal && self != .unequal }
}

public enum TextTest: String, Hashable, Sendable, CaseIterable {
    case startsWith, endsWith, contains
}

// MARK: Writing expressions in Swift

extension Expression {
    public static let always = Expression(.literal(.bool(true)))

    /// A field; one of type bool is an expression of its own.
    public static func field(_ field: Field) -> Expression { Expression(.field(field)) }

    public static func text(_ text: String) -> Expression { Expression(.literal(.text(text))) }

    public static func `in`(_ field: Field, list: String) -> Expression {
        Expression(.inList(.field(field), list: list))
    }

    public static func equal(_ field: Field, _ literal: Literal) -> Expression {
        Expression(.compare(.equal, .field(field), Expression(.literal(literal))))
    }

    public static prefix func ! (a: Expression) -> Expression { Expression(.not(a)) }

    public static func && (a: Expression, b: Expression) -> Expression { Expression(.and(a, b)) }

    public static func || (a: Expression, b: Expression) -> Expression { Expression(.or(a, b)) }
}
