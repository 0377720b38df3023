import ArgumentParser
import Control

struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Lets the running daemon check its configuration and apply it.",
        discussion: "With errors in it the old one stays in use and the status is 1.")

    @OptionGroup var daemon: ControlOptions

    func run() throws {
        let reply = try daemon.ask(.reload)
        Console.error(reply.findings ?? "")
        guard reply.ok else {
            Console.error("portreeve: \(reply.message)")
            throw ExitStatus.failure
        }
        Console.print("portreeve: \(reply.message)")
    }
}
