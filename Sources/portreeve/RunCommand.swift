import ArgumentParser
import Configuration
import Diagnostics
import Gateway
import Operations

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Serves; says one line for each listener when it listens.",
        discussion: """
            Signals: HUP checks the configuration and applies it, TERM finishes messages in flight, INT ends at once, \
            USR1 opens log files again.
            """)

    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration, portreeve.yaml.")
    var file: String

    @Flag(help: "Rules only report what they would have done.")
    var monitor = false

    @Flag(name: .customLong("no-selftest"), help: "Trusts backends without testing them.")
    var noSelfTest = false

    func run() throws {
        let outcome = Configuration.load(path: file, checks: .withCertificates)
        Console.error(outcome.rendered())
        guard let plan = outcome.plan else { throw ExitStatus.failure }
        let code: Int32
        do {
            let daemon = try Daemon(plan: plan, configurationPath: file, options: options)
            Console.print(daemon.listening.map { "portreeve: \($0.name) listens on \($0.endpoint)\n" }.joined())
            code = daemon.run()
        } catch {
            Console.error(error.text)
            throw ExitStatus.failure
        }
        guard code == 0 else { throw ExitStatus(code: code) }
    }

    private var options: DaemonOptions {
        var options = DaemonOptions()
        options.selfTest = !noSelfTest
        options.monitor = monitor
        options.version = Portreeve.version
        return options
    }
}

extension StartFailure {
    /// What is printed.
    var text: String {
        switch self {
        case .findings(let text): text
        case .message(let text): "portreeve: \(text)"
        }
    }
}

extension ConfigurationChecks {
    /// Asks the file system and looks into certificates.
    static var withCertificates: ConfigurationChecks { ConfigurationChecks(inspect: CertificateCheck.inspector) }
}
