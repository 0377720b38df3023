/// One message of a transaction, which is a list of them in an order that the kernel accepts.
public enum Operation: Hashable, Sendable {
    case addTable(Table)
    case deleteTable(Table)
    case addCounter(String)
    case deleteCounter(String)
    /// The definition; elements come by `addElements`.
    case addSet(NamedSet)
    case deleteSet(String)
    /// For a set of this definition; ascending, none overlapping what the set has.
    case addElements(NamedSet, [SetElement])
    case deleteElements(NamedSet, [SetElement])
    case addChain(String, BaseChain?)
    case deleteChain(String)
    /// Removes the rules of a chain.
    case flushChain(String)
    /// After the chain's last rule.
    case appendRule(chain: String, Rule)
}
