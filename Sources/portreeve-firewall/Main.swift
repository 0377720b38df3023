import ArgumentParser
import Glibc

/// Where the helper begins: one exit status for each kind of end.
@main
enum Main {
    static func main() {
        exit(run(Array(CommandLine.arguments.dropFirst())))
    }

    /// 0 good, 1 a finding or a failure, 2 wrong usage.
    static func run(_ arguments: [String]) -> Int32 {
        guard !arguments.isEmpty else {
            Output.error(FirewallCommand.helpMessage())
            return 2
        }
        do {
            var command = try FirewallCommand.parseAsRoot(arguments)
            try command.run()
            return EXIT_SUCCESS
        } catch let status as ExitStatus {
            return status.code
        } catch {
            let text = FirewallCommand.fullMessage(for: error)
            guard FirewallCommand.exitCode(for: error).isSuccess else {
                Output.error(text)
                return 2
            }
            Output.print(text)
            return EXIT_SUCCESS
        }
    }
}

/// The end of a command that has said why already.
struct ExitStatus: Error {
    let code: Int32

    static let failure = ExitStatus(code: 1)
}

/// The program with CAP_NET_ADMIN: a program of its own, because it links libnftnl (GPL) and because of that privilege.
struct FirewallCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "portreeve-firewall",
        abstract: "Keeps port 25 for mail hosts: one nftables table, changed whole or not at all.",
        discussion: "Exit status: 0 good, 1 a finding or a failure, 2 wrong usage.",
        version: "0.1.0",
        subcommands: subcommands)

    static let subcommands: [any ParsableCommand.Type] = [
        PlanCommand.self, CheckCommand.self, ApplyCommand.self, ConfirmCommand.self, StatusCommand.self,
        WhoCommand.self, AllowCommand.self, DenyCommand.self, ForgetCommand.self, ExplainCommand.self,
        ExportCommand.self, OffCommand.self, ServeCommand.self,
    ]
}
