import ArgumentParser
import FirewallPlan

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Prints the policy as text for 'nft -f'.",
        discussion: """
            The text makes the same table anew. Loaded by hand it forgets who was counted, and nothing keeps it: \
            'apply' changes what differs, and 'serve' repairs it.
            """)

    @OptionGroup var policy: PolicyOptions

    @Flag(help: "The rules as 'nft --debug=netlink' prints them.")
    var bytecode = false

    @Flag(help: "JSON for scripts: an object with the text.")
    var json = false

    func run() throws {
        let loaded = try policy.load()
        let ruleset = loaded.deployment.ruleset
        if bytecode {
            let rules = ruleset.chains.flatMap { chain in chain.rules.map { Bytecode.text($0, chain: chain.name) } }
            return Output.print(rules.joined(separator: "\n\n"))
        }
        let text = NftText.file(
            ruleset, heading: ["\(loaded.deployment.policy), config \(loaded.deployment.digest)"])
        if json {
            JSONText.print(["policy": loaded.deployment.policy, "digest": loaded.deployment.digest, "nft": text])
        } else {
            Output.print(text)
        }
    }
}
