import ArgumentParser
import Control

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows what the running daemon listens on, serves and has behind it.")

    @OptionGroup var daemon: ControlOptions

    @Flag(help: "One JSON object, for scripts.")
    var json = false

    func run() throws {
        let reply = try daemon.ask(.status)
        guard reply.ok, let status = reply.status else {
            Console.error("portreeve: \(reply.message)")
            throw ExitStatus.failure
        }
        Console.print(json ? status.json : status.text)
    }
}
