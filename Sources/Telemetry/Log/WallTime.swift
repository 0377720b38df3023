import Glibc

/// A moment by the wall clock, for people to read; nothing is ever decided by it.
public struct WallTime: Hashable, Sendable {
    /// Since 1970-01-01T00:00:00Z, without leap seconds.
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    public static func now() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }

    var seconds: Int { Int(nanoseconds / 1_000_000_000) }
}

extension WallTime {
    /// `2026-11-21T19:38:25` in UTC (RFC 3339).
    fileprivate var utc: String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        return "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))T\(clock(parts))"
    }

    /// `Nov  1 19:38:25` in local time (RFC 3164 4.1.2), as syslog daemons write it.
    fileprivate var local: String {
        var time = time_t(seconds)
        var parts = tm()
        localtime_r(&time, &parts)
        let month = Self.months[Int(max(0, min(11, parts.tm_mon)))]
        return "\(month) \(padded(parts.tm_mday, with: " ")) \(clock(parts))"
    }

    /// `Sat, 21 Nov 2026 19:38:25 +0000` (RFC 5322 3.3).
    fileprivate var mail: String {
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        let (day, month) = (days[Int(max(0, min(6, parts.tm_wday)))], Self.months[Int(max(0, min(11, parts.tm_mon)))])
        return "\(day), \(padded(parts.tm_mday)) \(month) \(parts.tm_year + 1900) \(clock(parts)) +0000"
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private func clock(_ parts: tm) -> String {
        "\(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec))"
    }
}

private func padded(_ number: Int32, width: Int = 2, with filler: Character = "0") -> String {
    let digits = String(number)
    return String(repeating: filler, count: max(0, width - digits.count)) + digits
}

/// The text of times; it remembers the last second, since lines come in bunches.
///
/// One thread's own.
final class TimeText {
    private var utc = (second: Int.min, text: "")
    private var local = (second: Int.min, text: "")

    /// `2026-11-21T19:38:25.123Z`.
    func rfc3339(_ time: WallTime) -> String {
        if utc.second != time.seconds { utc = (time.seconds, time.utc) }
        return "\(utc.text).\(padded(Int32(truncatingIfNeeded: time.nanoseconds / 1_000_000 % 1000), width: 3))Z"
    }

    /// `Sat, 21 Nov 2026 19:38:25 +0000`.
    func rfc5322(_ time: WallTime) -> String { time.mail }

    /// `Nov 21 19:38:25`.
    func syslog(_ time: WallTime) -> String {
        if local.second != time.seconds { local = (time.seconds, time.local) }
        return local.text
    }
}
