import ArgumentParser

/// The command line: a command a file, arguments and wiring only.
struct Portreeve: ParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "portreeve",
        abstract: "A policy-enforcing SMTP proxy: terminates TLS, judges every command, relays what is allowed.",
        discussion: "Exit status: 0 good, 1 a finding or a failure, 2 wrong usage.",
        version: version,
        subcommands: [
            RunCommand.self, CheckCommand.self, TestCommand.self, ExplainCommand.self, SessionCommand.self,
            FormatCommand.self, SchemaCommand.self, PolicyCommand.self, DemoCommand.self, ReloadCommand.self,
            StatusCommand.self, BansCommand.self, LimitsCommand.self, FirewallCommand.self,
        ])
}
