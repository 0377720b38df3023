import Bytes

/// The conditions of a whole rule book in flat arrays, evaluated by index without allocation.
///
/// Nodes refer only to nodes before them, so evaluation ends. It is total: an absent value makes its part false.
final class Program: Sendable {
    /// A value that a node compares; what does not fit in it stands in a side table.
    enum Operand: Sendable {
        case field(Field)
        case number(Int64)
        case text(Int32)
        case address(Int32)
        case prefix(Int32)
        /// What a limit would still pass, asked for before the rule is looked at.
        case remaining(Int32)
    }

    enum Node: Sendable {
        case constant(Truth)
        case flag(Field)
        case has(Field)
        case not(Int32)
        case all(Int32, Int32)
        case any(Int32, Int32)
        case numbers(Comparison, Operand, Operand)
        case texts(equal: Bool, Operand, Operand)
        case textTest(TextTest, Operand, Operand)
        case addresses(equal: Bool, Operand, Operand)
        case prefixes(equal: Bool, Operand, Operand)
        case matches(Operand, pattern: Int32)
        /// `probe` numbers the pair of field and list, so that one decision asks it once.
        case inList(Operand, list: Int32, probe: Int32)
        case inMap(Operand, list: Int32, key: Operand)
        case inNumbers(Operand, list: Int32)
        case inTexts(Operand, list: Int32)
        case inWords(Operand)
    }

    let nodes: [Node]
    let texts: [[UInt8]]
    let addresses: [IPAddress]
    let prefixes: [AddressPrefix]
    let numberLists: [[Int64]]
    let textLists: [[[UInt8]]]
    let patterns: [Pattern]
    let lists: [List]
    /// `@` and the realm that completes logins; empty without one.
    let realm: [UInt8]

    init(_ builder: ProgramBuilder) {
        nodes = builder.nodes
        texts = builder.texts
        addresses = builder.addresses
        prefixes = builder.prefixes
        numberLists = builder.numberLists
        textLists = builder.textLists
        patterns = builder.patterns
        lists = builder.lists
        realm = builder.realm
    }

    /// What one decision remembers while it evaluates.
    struct Run {
        let scratch: MatchScratch
        /// Of each limit that conditions read, what it would still pass.
        var remaining: [Int64]
        /// Tags that earlier rules of this stage gave.
        var tags: [String] = []
        /// List tests that were made, and those of them that held.
        var asked: UInt64 = 0
        var held: UInt64 = 0

        init(scratch: MatchScratch, remaining: [Int64] = []) {
            self.scratch = scratch
            self.remaining = remaining
        }
    }
}
