import ArgumentParser
import Glibc

/// `portreeve firewall …` becomes `portreeve-firewall …`: a program of its own, with a licence and a privilege that this
/// one does not have.
struct FirewallCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "firewall",
        abstract: "Who may speak port 25 through and from this machine; runs portreeve-firewall.",
        discussion: "portreeve firewall --help lists its commands.")

    /// Everything behind the word, `--help` included, is the other program's.
    @Argument(parsing: .captureForPassthrough, help: "plan, check, apply, status, who, allow, deny, explain, …")
    var arguments: [String] = []

    private static let program = "portreeve-firewall"

    func run() throws {
        let paths = Self.places
        for path in paths where access(path, X_OK) == 0 {
            Self.become(path, [Self.program] + arguments)
            Console.error("portreeve: \(path): \(String(cString: strerror(errno)))")
            throw ExitStatus.failure
        }
        Console.error(
            "portreeve: no \(Self.program) in \(paths.joined(separator: ", ")): install the firewall's package")
        throw ExitStatus.failure
    }

    /// Beside this program, or where packages put programs that people do not call.
    private static var places: [String] {
        var link = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &link, link.count - 1)
        let own = String(decoding: link.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = own.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        return [
            "\(folder)/\(program)", "\(folder)/../libexec/\(program)", "/usr/sbin/\(program)",
            "/usr/libexec/portreeve/\(program)",
        ]
    }

    /// Returns only if that failed.
    private static func become(_ path: String, _ arguments: [String]) {
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        words.append(nil)
        execv(path, &words)
        words.forEach { free($0) }
    }
}
