// Clients: valid ones that know what they do, and hostile ones that do anything.

/// What a client does next; each step waits for the replies to the one before, unless the client is impatient.
enum Step {
    case line(String)
    /// Commands sent together, one reply each.
    case group([String])
    /// After a 354 only.
    case content([UInt8])
    /// BDAT by BDAT, after an accepted recipient only.
    case chunks([[UInt8]], together: Bool)
    case startTLS
    /// AUTH, and the answers to its challenges.
    case login(String, answers: [String])
    /// RSET unless the message was taken.
    case recover
    /// Octets to which nobody can say how many replies are due.
    case raw([UInt8])
}

struct SimulatedClient {
    private var steps: [Step]
    private let isImpatient: Bool
    private var replies = ReplyReader()
    /// Replies that are due before the next step.
    private(set) var outstanding = 1
    private var answers: [String] = []
    private var lastCode = 0
    private var isLoggingIn = false
    private(set) var awaitsTLS = false
    private var sentSTARTTLS = false
    private var isStopped = false
    private var sendsNow: [UInt8] = []

    var isDone: Bool { isStopped || steps.isEmpty && sendsNow.isEmpty }

    init(_ steps: [Step], isImpatient: Bool) {
        self.steps = steps
        self.isImpatient = isImpatient
    }

    mutating func secured() { awaitsTLS = false }

    mutating func hears(_ bytes: [UInt8]) {
        replies.append(bytes)
        while let reply = replies.next() { hears(reply.code) }
    }

    private mutating func hears(_ code: Int) {
        outstanding = max(0, outstanding - 1)
        lastCode = code
        if code == 421 || code == 221 || code == 554 && steps.isEmpty { isStopped = true }
        if code == 220, sentSTARTTLS { awaitsTLS = true }
        sentSTARTTLS = false
        if isLoggingIn, code != 334 {
            isLoggingIn = false
            // Without the login that it needs, a client has nothing to say.
            if code >= 400, !isImpatient { steps = [.line("QUIT")] }
        }
        if code == 334 {
            outstanding = 1
            sendsNow = octets((answers.isEmpty ? "*" : answers.removeFirst()) + "\r\n")
        }
    }

    /// The next octets, if it is the client's turn.
    mutating func sends(_ numbers: inout Numbers) -> [UInt8]? {
        if isStopped || awaitsTLS { return nil }
        if !sendsNow.isEmpty {
            defer { sendsNow = [] }
            return sendsNow
        }
        guard !steps.isEmpty, outstanding == 0 || isImpatient && numbers.once(in: 3) else { return nil }
        return perform(steps.removeFirst())
    }

    private mutating func perform(_ step: Step) -> [UInt8]? {
        switch step {
        case .line(let line):
            outstanding += 1
            return octets(line + "\r\n")
        case .group(let lines):
            outstanding += lines.count
            return octets(lines.map { $0 + "\r\n" }.joined())
        case .content(let content):
            guard lastCode == 354 || isImpatient else { return nil }
            outstanding += 1
            return content
        case .chunks(let chunks, let together):
            guard lastCode < 300 || isImpatient else { return nil }
            return send(chunks, together)
        case .startTLS:
            sentSTARTTLS = true
            outstanding += 1
            return octets("STARTTLS\r\n")
        case .login(let line, let answers):
            self.answers = answers
            isLoggingIn = true
            outstanding += 1
            return octets(line + "\r\n")
        case .recover:
            guard lastCode >= 300 else { return nil }
            outstanding += 1
            return octets("RSET\r\n")
        case .raw(let bytes):
            return bytes
        }
    }

    private mutating func send(_ chunks: [[UInt8]], _ together: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        let now = together ? chunks.count : 1
        for (index, chunk) in chunks.prefix(now).enumerated() {
            let last = index == chunks.count - 1 ? " LAST" : ""
            bytes += octets("BDAT \(chunk.count)\(last)\r\n") + chunk
            outstanding += 1
        }
        if now < chunks.count { steps.insert(.chunks(Array(chunks.dropFirst(now)), together: false), at: 0) }
        return bytes
    }
}
