import ArgumentParser
import Control
import PolicyLanguage

struct BansCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bans", abstract: "Shows and changes who the running daemon keeps away.",
        discussion: """
            A client's net is turned away at connect; a held account gets 454 to AUTH and 450 to mail. Bans begin by rules \
            (`ban:`) or by `bans add`, and end by themselves or by `bans remove`.
            """,
        subcommands: [ListCommand.self, AddCommand.self, RemoveCommand.self], defaultSubcommand: ListCommand.self)

    struct ListCommand: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "Shows who is banned (default).")

        @OptionGroup var daemon: ControlOptions

        @Flag(help: "One JSON array, for scripts.")
        var json = false

        func run() throws {
            let bans = try daemon.good(.listBans).bans ?? []
            Console.print(json ? BanStatus.json(bans) : BanStatus.text(bans))
        }
    }

    struct AddCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Bans a client's net, or holds an account.")

        @Argument(help: "An address, a net such as 203.0.113.0/24, or a login.")
        var subject: String

        @Option(name: .customLong("for"), help: "How long, such as 30min, 12h or 7d.")
        var duration = "1h"

        @Option(help: "Why; `bans list` shows it.")
        var reason = "no reason given"

        @OptionGroup var daemon: ControlOptions

        @Flag(help: "The answer as one JSON object.")
        var json = false

        func validate() throws {
            guard let nanoseconds = Units.duration(duration), nanoseconds >= 1_000_000_000 else {
                throw ValidationError("'\(duration)' is no duration of 1s or more, such as 30min, 12h or 7d.")
            }
            if reason.utf8.count > 512 { throw ValidationError("The reason is longer than 512 octets.") }
        }

        func run() throws {
            let seconds = (Units.duration(duration) ?? 0) / 1_000_000_000
            try daemon.carryOut(.addBan(subject: subject, seconds: seconds, reason: reason), json: json)
        }
    }

    struct RemoveCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Ends a ban, or releases a held account.")

        @Argument(help: "What `bans list` shows as its subject.")
        var subject: String

        @OptionGroup var daemon: ControlOptions

        @Flag(help: "The answer as one JSON object.")
        var json = false

        func run() throws {
            try daemon.carryOut(.removeBan(subject: subject), json: json)
        }
    }
}
