// Load for an SMTP server or proxy, and a backend that discards: one thread each, on the product's own event loop and
// TLS, so that the generator costs less than what it measures.
//
//     reeve-load sink PORT [--stall]      an SMTP server that keeps nothing; answers XCLIENT, skips PROXY v2; to STAT it
//                                         answers how many connections and transactions it had before;
//                                         --stall stops reading in the middle of DATA
//     reeve-load run PORT [OPTION...]     sessions; prints one JSON object with counts and latencies
//                                         --endless prints "ready" after the first and ends when stdin does
//     reeve-load hold PORT [OPTION...]    opens idle sessions, prints "ready", and keeps them until stdin ends
import Glibc
import Reactor

@main
enum Main {
    static func main() {
        signal(SIGPIPE, SIG_IGN)
        raiseDescriptorLimit()
        do {
            try run(Options(CommandLine.arguments.dropFirst()))
        } catch {
            complain("reeve-load: \(error)")
            exit(1)
        }
    }

    private static func run(_ options: Options) throws {
        let loop = try EventLoop()
        switch options.command {
        case .sink: try Sink(on: loop, port: options.port, stalls: options.stalls).run()
        case .run:
            let load = try Load(on: loop, options)
            try load.run()
            print(load.report)
            if load.failed > 0 { exit(1) }
        case .hold:
            let load = try Load(on: loop, options)
            try load.hold()
        }
    }

    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// One line on standard error.
func complain(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
}
