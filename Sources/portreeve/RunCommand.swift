import ArgumentParser
import Configuration
import Diagnostics
import Gateway

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Serves; says one line for each listener when it listens.",
        discussion: """
            Signals: HUP checks the configuration and applies it, TERM finishes messages in flight, INT ends at once, \
            USR1 opens log files again.
            """)

    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration, portreeve.yaml.")
    var file: String

    @Flag(help: "Rules report what they would do and decide nothing; what the protocol refuses stays refused.")
    var monitor = false

    @Flag(name: .customLong("no-selftest"), help: "Trusts backends without testing them.")
    var noSelfTest = false

    func validate() throws {
        guard monitor, noSelfTest else { return }
        throw ValidationError("--monitor needs the self-test: it proves that the backend itself refuses relaying.")
    }

    func run() throws {
        let outcome = Configuration.load(path: file, checks: .withCertificates)
        Console.error(outcome.rendered())
        guard let plan = outcome.plan else { throw ExitStatus.failure }
        let code: Int32
        do {
            let daemon = try Daemon(plan: plan, configurationPath: file, options: options)
            code = daemon.run {
                if monitor { Console.print("portreeve: monitoring: no rule decides, each reports what it would do\n") }
                Console.print(daemon.listening.map { "portreeve: \($0.name) listens on \($0.endpoint)\n" }.joined())
                if let (name, helper) = daemon.intercepting {
                    Console.print("portreeve: \(name) intercepts, by way of \(helper)\n")
                }
            }
        } catch {
            Console.error(error.description)
            throw ExitStatus.failure
        }
        guard code == 0 else { throw ExitStatus(code: code) }
    }

    private var options: DaemonOptions {
        var options = DaemonOptions()
        options.selfTest = !noSelfTest
        options.isMonitored = monitor
        options.version = Portreeve.version
        return options
    }
}

extension ConfigurationChecks {
    /// Asks the file system and looks into certificates.
    static var withCertificates: ConfigurationChecks { ConfigurationChecks(inspect: CertificateCheck.inspect) }
}
