import ArgumentParser
import PolicyLanguage
import Rehearsal

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Shows each rule that would be asked, and the value of every part of it.",
        discussion: "The stages that are asked follow from what is given: --rcpt-to asks connect, helo, mail and rcpt.")

    @OptionGroup var target: ListenerOptions

    @Option(help: "none, TLS1.0, TLS1.1, TLS1.2 or TLS1.3.")
    var tls = "none"

    @Option(help: "HELO or EHLO name.")
    var helo: String?

    @Option(help: "The login that holds.")
    var user: String?

    @Option(help: "The login that is tried.")
    var login: String?

    @Option(help: "MAIL FROM; <> for the null sender.")
    var mailFrom: String?

    @Option(help: "RCPT TO.")
    var rcptTo: String?

    @Option(help: "Any other fact, FIELD=VALUE; may be repeated.")
    var fact: [String] = []

    @Option(help: "Asks this stage alone.")
    var stage: String?

    @Option(help: .hidden)
    var sid: String?

    func validate() throws {
        if sid != nil { throw ValidationError("--sid is not in this version.") }
        if let bad = fact.first(where: { !$0.contains("=") }) { throw ValidationError("--fact \(bad): FIELD=VALUE.") }
    }

    func run() throws {
        let listener = try target.resolve()
        var supposition = Supposition()
        supposition.listener = listener.name
        supposition.port = listener.port
        supposition.domains = listener.domains
        supposition.realm = listener.realm
        supposition.facts = facts
        supposition.stages = stage.map { [$0] } ?? stages
        let (explanation, problem) = Explanation.make(supposition, listener.policies)
        guard let explanation else {
            Console.error("portreeve: \(problem)")
            throw ExitStatus.usage
        }
        Console.print(explanation.text())
    }

    private var facts: [(path: String, value: String)] {
        var facts: [(path: String, value: String)] = [("client.ip", target.client)]
        if tls != "none" { facts += [("tls.active", "true"), ("tls.version", tls)] }
        if let helo { facts.append(("helo.name", helo)) }
        if let user { facts += [("auth.ok", "true"), ("auth.user", user)] }
        if let login { facts.append(("auth.login", login)) }
        if let mailFrom {
            facts.append(mailFrom == "<>" ? ("sender.is_null", "true") : ("sender.address", mailFrom))
        }
        if let rcptTo {
            facts.append(("rcpt.address", rcptTo))
            let local = rcptTo.split(separator: "@").dropLast().joined(separator: "@")
            if local.contains(where: { "%!@".contains($0) }) { facts.append(("rcpt.has_routing", "true")) }
        }
        return facts
            + fact.map { word in
                let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(parts[0]), String(parts.count > 1 ? parts[1] : ""))
            }
    }

    private var stages: [String] {
        var stages = ["connect", "helo"]
        if login != nil { stages += ["auth", "login"] }
        if mailFrom != nil || rcptTo != nil || login == nil { stages.append("mail") }
        if rcptTo != nil { stages.append("rcpt") }
        return stages
    }
}
