import ArgumentParser
import Glibc

/// Where the process begins: one exit status for each kind of end.
@main
enum Main {
    static func main() {
        exit(Invocation(Array(CommandLine.arguments.dropFirst())).run())
    }
}

/// One call of the program.
struct Invocation {
    /// A finding or a failure.
    static let failure: Int32 = 1
    /// Arguments that make no command.
    static let usage: Int32 = 2

    let arguments: [String]

    init(_ arguments: [String]) {
        self.arguments = arguments
    }

    /// Parses the arguments and obeys; the exit status.
    func run() -> Int32 {
        if let absent = AbsentCommand(arguments) {
            Console.error(absent.message)
            return Self.usage
        }
        guard !arguments.isEmpty else {
            Console.error(Portreeve.helpMessage())
            return Self.usage
        }
        do {
            var command = try Portreeve.parseAsRoot(arguments)
            try command.run()
            return EXIT_SUCCESS
        } catch let status as ExitStatus {
            return status.code
        } catch {
            return report(error)
        }
    }

    /// Help and version are good ends; everything else that the parser throws is wrong usage.
    private func report(_ error: any Error) -> Int32 {
        let text = Portreeve.fullMessage(for: error)
        if Portreeve.exitCode(for: error).isSuccess {
            Console.print(text)
            return EXIT_SUCCESS
        }
        Console.error(text)
        return Self.usage
    }
}

/// The end of a command that has said why already.
struct ExitStatus: Error {
    let code: Int32

    static let failure = ExitStatus(code: Invocation.failure)
    static let usage = ExitStatus(code: Invocation.usage)
}
