import Reactor

/// What the sessions of a run have waited for, in nanoseconds; each kind as quantiles of microseconds.
struct Latencies {
    /// How long after it was due a session was begun: large only if the loader itself has no time.
    var late: [UInt64] = []
    /// From when the session was due (without a rate: was begun) to its greeting; TLS that comes first is in it.
    var greetings: [UInt64] = []
    /// From what was sent (a command, or the end of the content) to the end of the reply.
    var commands: [UInt64] = []
    /// From MAIL to the reply to the content.
    var messages: [UInt64] = []
    /// From when the session was due to its end.
    var sessions: [UInt64] = []

    /// The members of a JSON object.
    var members: String {
        [
            ("late_us", late), ("greeting_us", greetings), ("command_us", commands), ("message_us", messages),
            ("session_us", sessions),
        ].map { "\"\($0)\": \(quantiles($1))" }.joined(separator: ", ")
    }

    private func quantiles(_ times: [UInt64]) -> String {
        let sorted = times.sorted()
        guard let last = sorted.last else { return "null" }
        func at(_ share: Double) -> UInt64 { sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] / 1000 }
        return "{\"p50\": \(at(0.5)), \"p99\": \(at(0.99)), \"max\": \(last / 1000)}"
    }
}
