// A mail server whose password database is gone answers 535 to everybody; that is no attack.

/// Whether those who logged in before fail in their majority.
///
/// Each pair of login and net counts with its newest result within the window, so one client that tries again and again
/// is one voice. An attacker cannot raise his voice: only a net with a good login of that very user is heard.
struct OutageWatch: Sendable {
    /// Nanoseconds for which a result speaks.
    static let window: UInt64 = 5 * 60 * 1_000_000_000
    /// Failing pairs below which there is no majority to speak of.
    static let quorum = 5
    /// Results that are remembered.
    static let capacity = 4096

    private struct Voice {
        var isGood: Bool
        var time: UInt64
    }

    private var voices: [UInt64: Voice] = [:]
    private var suspendedUntil: UInt64 = 0

    init() {}

    func isSuspended(now: UInt64) -> Bool { now < suspendedUntil }

    /// Notes a result; true if a suspension begins with it.
    @discardableResult
    mutating func observe(isGood: Bool, of pair: UInt64, now: UInt64) -> Bool {
        if voices.count >= Self.capacity, voices[pair] == nil { voices = voices.filter { isHeard($0.value, now) } }
        if voices.count >= Self.capacity, voices[pair] == nil { voices = [:] }
        voices[pair] = Voice(isGood: isGood, time: now)
        // Good news needs no count unless it may end a suspension.
        if isGood, !isSuspended(now: now) { return false }
        let heard = voices.values.filter { isHeard($0, now) }
        let bad = heard.count { !$0.isGood }
        let wasSuspended = isSuspended(now: now)
        if bad >= Self.quorum, bad * 2 > heard.count {
            suspendedUntil = now &+ Self.window
            return !wasSuspended
        }
        suspendedUntil = 0
        return false
    }

    private func isHeard(_ voice: Voice, _ now: UInt64) -> Bool {
        now < voice.time || now - voice.time < Self.window
    }
}
