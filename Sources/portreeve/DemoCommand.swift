import ArgumentParser
import Gateway
import Operations

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Everything on loopback: a mail sink, a proxy before it, refused and accepted sessions.",
        discussion: "Needs no configuration and no privileges. Goes on serving until Ctrl-C.")

    @Option(help: "Listens on N+25, N+465, N+525 and N+587.")
    var portBase: UInt16 = Demo.defaultPortBase

    @Option(help: "Where messages, certificate, configuration and log are put; else a new folder in /tmp.")
    var folder: String?

    @Flag(help: "Ends after the sessions; the status is 1 if one did not go as it should.")
    var once = false

    func validate() throws {
        guard Demo.portBases.contains(portBase) else {
            throw ValidationError("--port-base is from \(Demo.portBases.lowerBound) to \(Demo.portBases.upperBound).")
        }
    }

    func run() throws {
        var options = DemoOptions()
        options.portBase = portBase
        options.folder = folder
        options.endsAfterSessions = once
        options.version = Portreeve.version
        options.program = CommandLine.arguments.first ?? options.program
        do {
            let code = try Demo(options).run()
            guard code == 0 else { throw ExitStatus(code: code) }
        } catch let failure as DemoFailure {
            Console.error("portreeve: \(failure)")
            throw ExitStatus.failure
        }
    }
}
