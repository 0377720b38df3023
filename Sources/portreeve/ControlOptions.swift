import ArgumentParser
import Configuration
import Control
import Operations

/// Which daemon is meant.
struct ControlOptions: ParsableArguments {
    @Option(name: [.customShort("c"), .customLong("config")], help: "The daemon's configuration.")
    var file: String?

    @Option(help: "The daemon's control socket.")
    var socket: String?

    func validate() throws {
        if file != nil, socket != nil { throw ValidationError("Give -c FILE or --socket PATH, not both.") }
    }

    /// Asks, or says why that was not possible.
    func ask(_ request: ControlRequest) throws -> ControlReply {
        let path = try path()
        do {
            return try ControlClient.ask(request, at: path)
        } catch {
            Console.error("portreeve: \(error)")
            throw ExitStatus.failure
        }
    }

    /// Asks; an answer that says no is a failure.
    func good(_ request: ControlRequest) throws -> ControlReply {
        let reply = try ask(request)
        guard reply.ok else {
            Console.error("portreeve: \(reply.message)")
            throw ExitStatus.failure
        }
        return reply
    }

    /// Has something changed and says so.
    func carryOut(_ request: ControlRequest, json: Bool) throws {
        let reply = try json ? ask(request) : good(request)
        Console.print(json ? reply.json : "portreeve: \(reply.message)")
        if !reply.ok { throw ExitStatus.failure }
    }

    private func path() throws -> String {
        if let socket { return socket }
        guard let file else { return Self.defaultSocket }
        let (socket, outcome) = Configuration.controlSocket(ofFile: file)
        guard let socket else {
            Console.error(outcome.rendered())
            throw ExitStatus.failure
        }
        return socket
    }

    private static var defaultSocket: String {
        ConfigurationKeys.defaultText("admin.socket")
    }
}
