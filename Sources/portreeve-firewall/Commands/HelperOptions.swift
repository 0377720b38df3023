import ArgumentParser
import FirewallHelper
import FirewallPlan

/// Who answers: the running helper, or without one this process.
struct HelperOptions: ParsableArguments {
    @Option(help: "The socket of 'portreeve-firewall serve'.")
    var socket: String = HelperPaths.socket

    @Option(help: "The directory of the confirmed policy, where no helper runs.")
    var state: String = HelperPaths.state

    /// Asks; a refusal is said and ends the command.
    func ask(_ request: HelperRequest) throws -> HelperReply {
        let reply = try answer(request)
        if case .refused(let refusal) = reply { throw Self.failed(refusal.message) }
        return reply
    }

    /// Asks; a refusal is an answer, and so is what keeps this process from doing it.
    func answer(_ request: HelperRequest) throws -> HelperReply {
        do {
            return try HelperClient.ask(request, socketPath: socket)
        } catch .absent {
            return try answerHere(request)
        } catch .notPermitted {
            return .refused(.init(.notPermitted, "\(HelperClientError.notPermitted)"))
        } catch {
            return .refused(.init(.kernel, "\(error)"))
        }
    }

    private func answerHere(_ request: HelperRequest) throws -> HelperReply {
        do throws(FirewallFault) {
            return try FirewallKeeper(stateDirectory: state).answer(request)
        } catch {
            return .refused(error.refusal)
        }
    }

    /// What does the helper's work in this process.
    func keeper() throws -> FirewallKeeper {
        do throws(FirewallFault) {
            return try FirewallKeeper(stateDirectory: state)
        } catch {
            throw Self.failed("\(error)")
        }
    }

    /// Whether a helper is there to answer.
    var isServed: Bool {
        do {
            _ = try HelperClient.ask(.status, socketPath: socket)
            return true
        } catch {
            return false
        }
    }

    static func failed(_ sentence: String) -> ExitStatus {
        Output.error("portreeve-firewall: \(sentence)")
        return .failure
    }

    /// For an answer that does not fit its question.
    static var unexpected: ExitStatus { failed("the helper is of another version") }
}
