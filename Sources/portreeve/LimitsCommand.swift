import ArgumentParser
import Control

struct LimitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limits", abstract: "Shows and resets what the running daemon's limits have counted.",
        subcommands: [ListCommand.self, GetCommand.self, ResetCommand.self], defaultSubcommand: ListCommand.self)

    struct ListCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Shows every limit and the fullest of its keys (default).")

        @OptionGroup var daemon: ControlOptions

        @Flag(help: "One JSON object, for scripts.")
        var json = false

        func run() throws {
            let report = try daemon.good(.listLimits).limits ?? LimitsReport()
            Console.print(json ? report.json : report.text)
        }
    }

    struct GetCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "get", abstract: "Shows what is counted for a key in every limit.")

        @Argument(help: "A login, an address, a net, or whatever else a limit is keyed by.")
        var key: String

        @OptionGroup var daemon: ControlOptions

        @Flag(help: "One JSON object, for scripts.")
        var json = false

        func run() throws {
            let report = try daemon.good(.getLimit(key: key)).limits ?? LimitsReport()
            Console.print(json ? report.json : report.text)
        }
    }

    struct ResetCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reset", abstract: "Forgets what was counted for a key, in every limit.")

        @Argument(help: "A login, an address, a net, or whatever else a limit is keyed by.")
        var key: String

        @OptionGroup var daemon: ControlOptions

        @Flag(help: "The answer as one JSON object.")
        var json = false

        func run() throws {
            try daemon.carryOut(.resetLimit(key: key), json: json)
        }
    }
}
