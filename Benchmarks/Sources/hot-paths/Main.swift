// The paths that every session takes, in memory, with fixed scripts: nothing here depends on time, chance or sockets, so
// two runs execute the same instructions. `Benchmarks/instructions` counts them under callgrind.
//
//     hot-paths PATH COUNT      takes PATH that many times; prints what came of it
import Deciding
import Policy

@main
enum Main {
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        guard words.count == 2, let path = Path(rawValue: words[0]), let count = Int(words[1]), count > 0 else {
            print("usage: hot-paths \(Path.allCases.map(\.rawValue).joined(separator: "|")) COUNT")
            return
        }
        print(path.take(count))
    }
}

enum Path: String, CaseIterable {
    /// EHLO to QUIT with one message of 1 KB, XCLIENT to the backend, the policy `inbound`.
    case session
    /// One more such message on the same session.
    case message
    /// A session whose only recipient is refused.
    case refusal
    /// 64 KB of content in reads of 16 KB.
    case content
    /// Stage `rcpt` of the policy `inbound`.
    case decision
    /// Stage `rcpt` with 200 rules of 1,000, each asking a list; one list has 100,000 names.
    case manyRules
    /// A connection counted in and out, and one event charged to a limit.
    case limit

    /// What came of it: a number that is the same for each of the repetitions, or the path is not the one it was.
    func take(_ count: Int) -> Int {
        switch self {
        case .session: Script.session().repeated(count)
        case .refusal: Script.refusal().repeated(count)
        case .message: Script.messages(count).play()
        case .content: Script.content(count).play()
        case .decision: Decisions.inbound.take(count)
        case .manyRules: Decisions.many.take(count)
        case .limit: Limits.take(count)
        }
    }
}
