import Bytes
import Glibc
import Reactor
import TLSTransport

/// A run: keeps the asked number of sessions going until all are done, and gathers what they saw.
final class Load: TimerHandler {
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
    var messageTimes: [UInt64] = []
    private(set) var failed = 0
    private var sessionTimes: [UInt64] = []
    private var begun = 0
    private var done = 0
    private var open = 0
    private var held = 0
    private var started = Instant.current()
    private var ended = Instant.current()
    private var timer: TimerID?
    private var complaint: String?
    private var users = 0

    init(on loop: EventLoop, _ options: Options) throws {
        self.loop = loop
        self.options = options
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

    func run() throws {
        started = .current()
        if options.rate > 0 {
            timer = loop.timers.make(self)
            timerFired(tag: 0)
        } else {
            fill()
        }
        while done + failed < options.sessions { loop.turn() }
        ended = .current()
    }

    /// Opens the sessions a few at a time, says so when all are idle, and waits for the end of stdin.
    func hold() throws {
        fill()
        while held + failed < options.sessions { loop.turn() }
        if failed > 0 { throw Misuse(text: "\(failed) of \(options.sessions) failed: \(complaint ?? "")") }
        print("ready")
        fflush(nil)
        _ = getchar()
    }

    /// As many sessions per tick as are due; a slow server makes them queue, not become fewer.
    func timerFired(tag: UInt32) {
        let due = min(options.sessions, Int(loop.now.since(started) / 1_000_000) * options.rate / 1000 + 1)
        while begun < due { begin() }
        if let timer, begun < options.sessions { loop.timers.arm(timer, at: loop.now + 2_000_000) }
    }

    private func fill() {
        while begun < options.sessions, open < room { begin() }
    }

    /// The first session fetches the ticket alone.
    private var room: Int { options.resumes && ticket == nil ? 1 : options.concurrency }

    private func begin() {
        begun += 1
        open += 1
        do {
            try LoadSession(of: self).connect()
        } catch {
            over(.failed("\(error)"), began: loop.now)
        }
    }

    func over(_ outcome: Outcome, began: Instant) {
        open -= 1
        switch outcome {
        case .done:
            done += 1
            sessionTimes.append(Instant.current().since(began))
        case .failed(let reason):
            failed += 1
            complaint = complaint ?? reason
        }
        if options.rate == 0 { fill() }
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

extension Load {
    /// Counts, seconds and microseconds, as one JSON object.
    var report: String {
        let seconds = Double(ended.since(started)) / 1e9
        let complaint = complaint.map { ", \"complaint\": \"\($0.filter(Self.isPlain))\"" } ?? ""
        return """
            {"done": \(done), "failed": \(failed), "resumed": \(resumed), "seconds": \(seconds), \
            "session_us": \(quantiles(sessionTimes)), "message_us": \(quantiles(messageTimes))\(complaint)}
            """
    }

    /// What may stand in a JSON string as it is.
    private static func isPlain(_ character: Character) -> Bool {
        character >= " " && character != "\"" && character != "\\"
    }

    private func quantiles(_ times: [UInt64]) -> String {
        let sorted = times.sorted()
        guard let last = sorted.last else { return "null" }
        func at(_ share: Double) -> UInt64 { sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] / 1000 }
        return "{\"p50\": \(at(0.5)), \"p99\": \(at(0.99)), \"max\": \(last / 1000)}"
    }
}
