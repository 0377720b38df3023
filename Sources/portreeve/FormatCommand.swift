import ArgumentParser
import Diagnostics
import PolicyLanguage

struct FormatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fmt", abstract: "Rewrites policy files in the one form; comments and layout stay.",
        discussion: "With --check nothing is written, and the status is 1 if a file would change.")

    @Argument(help: "Policy folders or files.")
    var paths: [String]

    @Flag(help: "Only says which files would change.")
    var check = false

    func run() throws {
        var isGood = true
        for path in paths {
            let file = FilePaths.isDirectory(path) ? path + "/" + PolicyLoader.fileName : path
            guard let bytes = FilePaths.content(file, limit: PolicyFiles.longestPolicy),
                bytes.count <= PolicyFiles.longestPolicy
            else {
                Console.error("portreeve: \(file): cannot be read")
                isGood = false
                continue
            }
            isGood = format(file, String(decoding: bytes, as: UTF8.self)) && isGood
        }
        guard isGood else { throw ExitStatus.failure }
    }

    private func format(_ file: String, _ text: String) -> Bool {
        let result = PolicyFormatter.format(text, name: file)
        guard result.findings.isEmpty else {
            let source = SourceFile(name: file, text: text)
            Console.error(FindingRenderer(sources: [source]).render(result.findings, as: .text))
            return false
        }
        guard result.text != text else { return true }
        if check {
            Console.print("portreeve: \(file) would change")
            return false
        }
        guard FilePaths.replace(file, with: Array(result.text.utf8)) else {
            Console.error("portreeve: \(file): cannot be written")
            return false
        }
        return true
    }
}

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Prints the JSON Schema of policy files, for editors.")

    func run() {
        Console.print(PolicySchema.json)
    }
}

struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "The policies that are part of the program.", subcommands: [Show.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Prints the text of a built-in policy.")

        @Argument(help: "submission or inbound.")
        var name: String

        func run() throws {
            guard let text = BuiltInPolicies.text(named: name) else {
                let names = BuiltInPolicies.names.joined(separator: ", ")
                Console.error("portreeve: no built-in policy '\(name)'; there are: \(names)")
                throw ExitStatus.failure
            }
            Console.print(text)
        }
    }
}
