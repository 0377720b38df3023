import ArgumentParser
import Glibc
import PolicyLanguage
import Rehearsal

struct SessionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session",
        abstract: "A simulated SMTP session: type commands, see replies and the rules behind them.",
        discussion: """
            Nothing is sent anywhere. TLS does STARTTLS and its handshake, AUTH USER logs in, AUTH USER wrong fails; \
            everything else is sent as typed.
            """)

    @OptionGroup var target: ListenerOptions

    @Option(help: "none, starttls or implicit; else what the listener has.")
    var tls: String?

    func run() throws {
        let listener = try target.resolve()
        let session = SimulatedSession(
            listener.policies, listener: listener.name, port: listener.port, tls: tls ?? listener.tls,
            client: target.client, domains: listener.domains, realm: listener.realm)
        show(session)
        while !session.isClosed {
            if isatty(STDIN_FILENO) == 1 { Console.prompt("> ") }
            guard let line = readLine() else { return }
            if let problem = session.type(line) { Console.error("portreeve: \(problem)") }
            show(session)
        }
    }

    private func show(_ session: SimulatedSession) {
        let (replies, rules) = session.news()
        Console.print(replies)
        if !rules.isEmpty { Console.print("    [\(rules.joined(separator: ", "))]") }
    }
}
