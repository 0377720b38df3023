import Glibc

/// The dead man's handle of a command without a helper: an answer on standard input, in time.
enum ConfirmationPrompt {
    /// HUP, INT and TERM interrupt the wait instead of ending the process, which then takes the change back.
    static func catchSignals() {
        for number in [SIGHUP, SIGINT, SIGTERM] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in }
            sigaction(number, &action, nil)
        }
    }

    /// Whether `yes` comes before the seconds are over.
    static func isConfirmed(within seconds: UInt32) -> Bool {
        let deadline = now + Int(seconds) * 1000
        var line: [UInt8] = []
        while !line.contains(0x0A), line.count < 64 {
            var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            guard poll(&input, 1, Int32(clamping: max(deadline - now, 0))) > 0 else { return false }
            var octet: UInt8 = 0
            guard read(STDIN_FILENO, &octet, 1) == 1 else { break }
            line.append(octet)
        }
        return line.prefix { $0 != 0x0A && $0 != 0x0D } == Array("yes".utf8)[...]
    }

    /// Milliseconds of a clock that nobody sets.
    private static var now: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}
