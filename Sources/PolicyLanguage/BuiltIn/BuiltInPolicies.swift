/// The policies that need no file: `policies/submission` and `policies/inbound`, part of the program.
public enum BuiltInPolicies {
    /// Sorted.
    public static let names = texts.keys.sorted()

    /// The file, as `portreeve policy show NAME` prints it.
    public static func text(named name: String) -> String? {
        texts[name]
    }

    /// The policy, compiled when the process first asks; nil for any other name.
    public static func policy(named name: String) -> LoadedPolicy? {
        policies[name]
    }

    private static let policies = texts.compactMapValues { text in
        PolicyLoader().parse(text: text, name: "built-in", directory: "/").policy
    }
}
