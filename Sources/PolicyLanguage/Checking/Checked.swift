internal import Policy

/// An expression with its type and what it tells about presence.
struct Checked {
    var expression: Expression
    var type: FieldType
    /// Fields that are there where it is true, and where it is false.
    var whenTrue: Set<Field> = []
    var whenFalse: Set<Field> = []
    /// Its value as an unquoted word, where it is a constant.
    var literal: Policy.Literal?

    /// Stands where a fault was reported: fits everywhere, tells nothing.
    static func fault(_ range: Range<Int>) -> Checked {
        Checked(expression: Expression(.literal(.bool(true)), source: range), type: .words, isFault: true)
    }

    var isFault = false
}

extension FieldType {
    /// `a string`, `an int`.
    var withArticle: String {
        let name = name
        return (name.first.map { "aeiou".contains($0) } == true ? "an " : "a ") + name
    }
}
