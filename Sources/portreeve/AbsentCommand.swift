/// A command that is documented for later versions: said so plainly instead of "unexpected argument".
struct AbsentCommand {
    /// The command as typed.
    let name: String

    /// nil unless the arguments name a command that this version does not have.
    init?(_ arguments: [String]) {
        guard let first = arguments.first, Self.names.contains(first) else { return nil }
        name = first
    }

    var message: String { "portreeve: '\(name)' is not in this version; see portreeve --help" }

    private static let names: Set<String> = [
        "replay", "top", "tail", "doctor", "import",
    ]
}
