import Bytes
import Glibc
import Reactor
import TLSTransport

/// A run: keeps the asked number of sessions going until all are done, and gathers what they saw.
final class Load {
    let loop: EventLoop
    let options: Options
    let pool = BufferPool()
    let steps: [Step]
    let content: [UInt8]
    let tls: ClientTLSContext
    let target: Endpoint

    /// What later sessions resume.
    var ticket: TLSSession?
    var resumed = 0
    var latencies = Latencies()
    private(set) var failed = 0
    private var sources: Sources?
    /// Sessions to begin in all.
    private var wanted: Int
    private var begun = 0
    private var done = 0
    private var open = 0
    private var held = 0
    private var started = Instant.current()
    private var ended = Instant.current()
    private var schedule: Schedule?
    private var complaint: String?
    private var users = 0

    init(on loop: EventLoop, _ options: Options) throws {
        self.loop = loop
        self.options = options
        wanted = options.sessions
        sources = options.sources
        steps = options.steps
        content = reeve_load.content(size: options.size)
        var tls = ClientTLSOptions()
        tls.verify = false
        self.tls = try ClientTLSContext(tls)
        guard let address = IPAddress("127.0.0.1") else { throw Misuse(text: "no loopback") }
        target = Endpoint(address: address, port: options.port)
    }

    /// The number of a user whose name no session of this run has used.
    func nextUser() -> Int {
        users += 1
        return users
    }

    /// So many sessions have failed that more would tell nothing.
    private static let tolerance = 1000

    func run() throws {
        started = .current()
        if options.isEndless { _ = try loop.register(STDIN_FILENO, self) }
        if options.rate > 0 {
            schedule = try Schedule(on: loop, from: started, rate: options.rate, count: wanted) { [unowned self] due in
                latencies.late.append(Instant.current().since(due))
                begin(due: due)
            }
        } else {
            fill()
        }
        while done + failed < wanted { loop.turn() }
        ended = .current()
    }

    /// Opens the sessions a few at a time, says so when all are idle, and waits for the end of stdin.
    func hold() throws {
        fill()
        while held + failed < wanted { loop.turn() }
        if failed > 0 { throw Misuse(text: "\(failed) of \(wanted) failed: \(complaint ?? "")") }
        say("ready")
        _ = getchar()
    }

    private func fill() {
        while begun < wanted, open < room { begin(due: .current()) }
    }

    /// The first session fetches the ticket alone.
    private var room: Int { options.resumes && ticket == nil ? 1 : options.concurrency }

    private func begin(due: Instant) {
        begun += 1
        open += 1
        do {
            try LoadSession(of: self, due: due).connect(from: sources?.next())
        } catch {
            over(.failed("\(error)"), due: due)
        }
    }

    func over(_ outcome: Outcome, due: Instant) {
        open -= 1
        switch outcome {
        case .done:
            done += 1
            latencies.sessions.append(Instant.current().since(due))
            if options.isEndless, done == 1 { say("ready") }
        case .failed(let reason):
            failed += 1
            complaint = complaint ?? reason
            if failed == Self.tolerance { stop() }
        }
        if options.rate == 0 { fill() }
    }

    /// Begins no more sessions; those that are open go on to their end.
    private func stop() {
        schedule?.stop()
        wanted = begun
    }

    private func say(_ word: String) {
        print(word)
        fflush(nil)
    }

    /// The session idles: the next one may begin.
    func isHeld() {
        held += 1
        open -= 1
        fill()
    }

    enum Outcome {
        case done
        case failed(String)
    }
}

extension Load: EventHandler {
    /// Stdin of an endless run.
    func ready(_ readiness: Readiness, tag: UInt32) {
        if getchar() == EOF { stop() }
    }
}

extension Load {
    /// Counts, seconds and microseconds, as one JSON object.
    var report: String {
        let seconds = Double(ended.since(started)) / 1e9
        let complaint = complaint.map { ", \"complaint\": \"\($0.filter(Self.isPlain))\"" } ?? ""
        return """
            {"done": \(done), "failed": \(failed), "resumed": \(resumed), "seconds": \(seconds), \
            \(latencies.members)\(complaint)}
            """
    }

    /// What may stand in a JSON string as it is.
    private static func isPlain(_ character: Character) -> Bool {
        character >= " " && character != "\"" && character != "\\"
    }
}
