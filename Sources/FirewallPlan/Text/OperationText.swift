/// Operations as the lines that would do the same through `nft -f`.
extension NftText {
    /// One line or more; elements are told by their number beyond a few.
    public static func text(_ operation: Operation, table: Table = .ours) -> String {
        let name = table.name
        return switch operation {
        case .addTable(let table): "add table inet \(table.name)"
        case .deleteTable(let table): "delete table inet \(table.name)"
        case .addCounter(let counter): "add counter inet \(name) \(counter)"
        case .deleteCounter(let counter): "delete counter inet \(name) \(counter)"
        case .addSet(let set): "add set inet \(name) \(set.name) { \(definition(set)) }"
        case .deleteSet(let set): "delete set inet \(name) \(set)"
        case .addElements(let set, let elements): elementLines("add", set, elements, name)
        case .deleteElements(let set, let elements): elementLines("delete", set, elements, name)
        case .addChain(let chain, nil): "add chain inet \(name) \(chain)"
        case .addChain(let chain, let base?): "add chain inet \(name) \(chain) { \(declaration(base)) }"
        case .deleteChain(let chain): "delete chain inet \(name) \(chain)"
        case .flushChain(let chain): "flush chain inet \(name) \(chain)"
        case .appendRule(let chain, let rule): "add rule inet \(name) \(chain) \(RuleText.text(rule))"
        }
    }

    private static func definition(_ set: NamedSet) -> String {
        NftText.set(set.definition).split(separator: "\n").dropFirst().dropLast()
            .map { $0.drop { $0 == "\t" } + ";" }.joined(separator: " ")
    }

    private static func elementLines(
        _ verb: String, _ set: NamedSet, _ elements: [SetElement], _ table: String
    ) -> String {
        let listed = elements.map { element($0, set.key) }.joined(separator: ", ")
        return "\(verb) element inet \(table) \(set.name) { \(listed) }"
    }
}
